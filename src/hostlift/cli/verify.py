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
from hostlift.cli.terminal import emit, say
from hostlift.errors import HostliftError
from hostlift.model.quantity import size

if TYPE_CHECKING:
    from hostlift.model.receipt import Difference
    from hostlift.service.verifying import Verification

ReceiptFile = Annotated[
    Path, typer.Option("--receipt", help="receipts/<migration>.json of the state folder.")
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
    receipt: ReceiptFile,
    root: RootFolder = None,
    image: Images = None,
    key: Key = "",
    show: Most = 20,
    as_json: Json = False,
) -> None:
    """Check a receipt and its files; with --root or --image also what they are compared with."""
    from hostlift.service.verifying import Wish, verify  # noqa: PLC0415

    wish = Wish(receipt=receipt, root=root, images=tuple(image or ()), key=key, most=show)
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
