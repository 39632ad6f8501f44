# SPDX-License-Identifier: Apache-2.0
"""``hostlift verify``: a receipt checked again, offline; the last line is ``OK`` or ``FAILED``.

What it checks with is imported by the command: other verbs need not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hostlift.cli import texts
from hostlift.cli.render import shown
from hostlift.cli.terminal import emit, errors, say
from hostlift.errors import HostliftError
from hostlift.model.quantity import size

if TYPE_CHECKING:
    from hostlift.model.receipt import Difference
    from hostlift.service.verifying import Verification

ReceiptFile = Annotated[
    Path | None, typer.Option("--receipt", help="receipts/<migration>.json of the state folder.")
]
AgainstFile = Annotated[
    Path | None,
    typer.Option("--against", help="Compare this server with the source's baseline."),
]
Page = Annotated[
    Path | None, typer.Option("--html", help="With --against: write a page to sign off.")
]
RootFolder = Annotated[
    Path | None,
    typer.Option("--root", help="Compare with this system's root: the source, or a mounted copy."),
]
Images = Annotated[
    list[Path] | None,
    typer.Option("--image", help="Compare with this raw or qcow2 disk; one a disk, in order."),
]
Key = Annotated[
    str, typer.Option("--key", help="Fingerprint that the key of the receipt must have.")
]
Most = Annotated[int, typer.Option("--show", min=0, help="Differences to list of each volume.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]

_LOSSES_SHOWN = 20


def command(
    receipt: ReceiptFile = None,
    root: RootFolder = None,
    image: Images = None,
    key: Key = "",
    show: Most = 20,
    against: AgainstFile = None,
    html: Page = None,
    as_json: Json = False,
) -> None:
    """Check a receipt and its files; with --root or --image also what they are compared with.

    With --against: this server, the booted copy, is compared with what the source was.
    """
    if against is not None:
        _arrival(against, root or Path("/"), receipt=receipt, html=html, as_json=as_json)
    elif receipt is None:
        raise typer.BadParameter("name a --receipt, or what to compare --against")
    else:
        _receipt(receipt, root, tuple(image or ()), key=key, show=show, as_json=as_json)


def baseline(
    file: Annotated[Path, typer.Argument(help="Where to write it, as JSON.")],
    root: Annotated[Path, typer.Option("--root", help="The system's root; / is this one.")] = Path(
        "/"
    ),
) -> None:
    """Write what this server is to its users (mounts, services, users, packages), to compare later."""
    from hostlift.service.signing import take_baseline  # noqa: PLC0415

    with errors():
        taken = take_baseline(file, root)
    say(f"wrote {file}")
    say(*(f"not known: {section}: {why}" for section, why in taken.unknown.items()))


def _arrival(
    against: Path, root: Path, *, receipt: Path | None, html: Path | None, as_json: bool
) -> None:
    from hostlift.service.signing import compare_with  # noqa: PLC0415

    with errors():
        arrival = compare_with(against, root, receipt=receipt, page=html)
    if as_json:
        found = [asdict(d) for line in arrival.lines for d in line.differences]
        unknown = {line.section: line.unknown for line in arrival.lines if line.unknown}
        emit({"ok": arrival.good, "differences": found, "not_compared": unknown})
    else:
        say(*arrival.text())
    raise typer.Exit(0 if arrival.good else 1)


def _receipt(
    receipt: Path,
    root: Path | None,
    images: tuple[Path, ...],
    *,
    key: str,
    show: int,
    as_json: bool,
) -> None:
    from hostlift.service.verifying import Wish, verify  # noqa: PLC0415

    wish = Wish(receipt=receipt, root=root, images=images, key=key, most=show)
    try:
        with shown(quiet=as_json) as sink:
            checked = verify(wish, sink)
    except HostliftError as error:
        if as_json:
            emit({"ok": False, "problems": [str(error)]})
        else:
            say(*texts.error_lines(error), to_stderr=True)
            say("FAILED")
        raise typer.Exit(error.exit_status) from None
    if as_json:
        emit(as_data(checked))
    else:
        say(*lines(checked))
    raise typer.Exit(0 if checked.good else 1)


def as_data(checked: Verification) -> dict[str, object]:
    """For a script; the edits are in the receipt."""
    return {
        "ok": checked.good,
        "migration": checked.receipt.migration,
        "made_at": checked.receipt.made_at,
        "key": checked.key,
        "problems": checked.problems,
        "receipts": [asdict(v) for v in checked.receipt.volumes],
        "volumes": [{**asdict(v), "equal": v.equal} for v in checked.volumes],
    }


def lines(checked: Verification) -> Iterator[str]:
    """For a person; the last line is the verdict."""
    receipt = checked.receipt
    yield f"receipt    {receipt.migration} of {receipt.hostname}, made {receipt.made_at}"
    yield f"signature  fits; Ed25519 key sha256:{checked.key}"
    for volume in receipt.volumes:
        yield (
            f"volume     {volume.volume} {volume.mount_point}: {volume.entries} objects,"
            f" {size(volume.bytes)}, blake3 root {volume.source_root}"
        )
    yield f"edits      {len(receipt.edits)} recorded by the adaptation"
    if receipt.differences:
        yield f"losses     {len(receipt.differences)} recorded: the target cannot hold them"
        yield from map(_difference, receipt.differences[:_LOSSES_SHOWN])
    for problem in checked.problems:
        yield f"problem    {problem}"
    for found in checked.volumes:
        verdict = "equal" if found.equal else "DIFFERS"
        told = ", ".join(f"{count} {name}" for name, count in sorted(found.counts.items()))
        yield f"compared   {found.volume} {found.receipt.mount_point}: {verdict}; {told or 'no difference'}"
        yield from map(_difference, found.open)
        left = sum(n for name, n in found.counts.items() if name.startswith("open"))
        if left > len(found.open):
            yield f"             … and {left - len(found.open)} more"
        yield from (f"{_difference(d)} (recorded)" for d in found.recorded)
    yield "OK" if checked.good else "FAILED"


def _difference(found: Difference) -> str:
    detail = f": {found.detail}" if found.detail else ""
    return f"             {found.kind.value:8} {found.path}{detail}"
