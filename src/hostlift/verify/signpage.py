# SPDX-License-Identifier: Apache-2.0
"""The comparison on one page that a person can sign off: text, and HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from hostlift.model.adaptation import Edit
from hostlift.model.baseline import Baseline, Difference, Line, Verdict
from hostlift.verify.receipt import Signed
from hostlift.verify.signoff import TITLES

_WIDTH = 34
_RECEIPT = "Receipt of the copy"
_EDITS = "Changed by the adaptation"
_SHOWN = 12
_WORDS = {
    Verdict.SAME: "same",
    Verdict.EXPECTED: "as expected",
    Verdict.DIFFERS: "DIFFERS",
}
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #1b1f24 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .35em .6em; vertical-align: top }
tr { border-top: 1px solid #d7dce1 } small { color: #57606a } .differs { color: #a40e26; font-weight: 600 }
.same, .expected { color: #116329 } .sign { margin-top: 3em; display: flex; gap: 3em }
.sign span { border-top: 1px solid #1b1f24; padding-top: .3em; min-width: 16em }
@media print { body { margin: 0; font-size: 12px } }
"""


def good(lines: Iterable[Line]) -> bool:
    """True when nothing differs that should not."""
    return all(line.verdict is not Verdict.DIFFERS for line in lines)


def text(
    before: Baseline, now: Baseline, lines: Sequence[Line], *, signed: Signed | None = None
) -> Iterator[str]:
    """For a terminal; the last line is ``OK`` or ``FAILED``.

    Args:
        signed: The migration's receipt: its proof and its edits are told too.
    """
    yield f"{before.hostname} as of {_moment(before.taken_at)}, compared with"
    yield f"{now.hostname} as of {_moment(now.taken_at)}"
    yield ""
    for line in lines:
        word = f"not compared: {line.unknown}" if line.unknown else _words(line)
        yield f"{TITLES[line.section]} ".ljust(_WIDTH, ".") + f" {word}"
        yield from (f"    {_said(d)}" for d in line.differences[:_SHOWN])
        if len(line.differences) > _SHOWN:
            yield f"    … and {len(line.differences) - _SHOWN} more"
    if signed is not None:
        yield f"{_RECEIPT} ".ljust(_WIDTH, ".") + f" {_proof(signed)}"
        yield f"{_EDITS} ".ljust(_WIDTH, ".") + f" {len(signed.receipt.edits)} edits"
        yield from (f"    {_edit(e)}" for e in signed.receipt.edits)
    yield ""
    yield "OK" if good(lines) else "FAILED"


def _proof(signed: Signed) -> str:
    receipt = signed.receipt
    objects = sum(v.entries for v in receipt.volumes)
    copied = "equal" if receipt.equal else f"{len(receipt.differences)} recorded differences"
    return (
        f"migration {receipt.migration}, {receipt.made_at}: {len(receipt.volumes)} volumes,"
        f" {objects} objects, {copied}; signed by key sha256:{signed.key}"
    )


def _edit(edit: Edit) -> str:
    return f"{edit.kind.value} {edit.path}: {edit.why}"


def _words(line: Line) -> str:
    counted = f"{line.compared} compared"
    return f"{_WORDS[line.verdict]} ({counted})"


def _said(found: Difference) -> str:
    change = f"{found.before or 'nothing'} -> {found.now or 'nothing'}"
    mark = "" if found.verdict is Verdict.EXPECTED else "! "
    reason = f" ({found.reason})" if found.reason else ""
    return f"{mark}{found.name}: {change}{reason}"


def html(
    before: Baseline, now: Baseline, lines: Sequence[Line], *, signed: Signed | None = None
) -> str:
    """A page of its own, for a browser or a printer; arguments as for `text`."""
    rows = "".join(_row(line) for line in lines)
    if signed is not None:
        edits = "<br>".join(escape(_edit(e)) for e in signed.receipt.edits)
        rows += f'<tr><td>{_RECEIPT}</td><td colspan="2">{escape(_proof(signed))}</td></tr>'
        rows += f"<tr><td>{_EDITS}</td><td>{len(signed.receipt.edits)} edits</td>"
        rows += f"<td><small>{edits}</small></td></tr>"
    verdict = "Nothing differs that should not." if good(lines) else "Something differs: see below."
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(before.hostname)}: arrived</title><style>{_STYLE}</style>"
        f"<h1>{escape(before.hostname)}</h1>"
        f"<p>Source as of {_moment(before.taken_at)}, copy as of {_moment(now.taken_at)}."
        f" <strong>{verdict}</strong></p>"
        f"<table><tr><th>What</th><th>Result</th><th>Details</th></tr>{rows}</table>"
        '<div class="sign"><span>Name</span><span>Date</span><span>Signature</span></div></html>\n'
    )


def _row(line: Line) -> str:
    word = f"not compared: {line.unknown}" if line.unknown else _words(line)
    details = "<br>".join(
        f'<span class="{d.verdict.value}">{escape(_said(d))}</span>' for d in line.differences
    )
    style = "" if line.unknown else line.verdict.value
    return (
        f'<tr><td>{TITLES[line.section]}</td><td class="{style}">{escape(word)}</td>'
        f"<td><small>{details}</small></td></tr>"
    )


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
