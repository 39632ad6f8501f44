# SPDX-License-Identifier: Apache-2.0
"""The baseline of a server, and a booted copy compared with it: what a person signs off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import ConfigError, StateError, VerifyError
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.files import atomic_write
from hostlift.inspect.facts.collect import take
from hostlift.model.baseline import Baseline, Line
from hostlift.verify import signoff, signpage
from hostlift.verify.receipt import Signed, read_receipt

_MODE = 0o600
"""User names and package versions are nobody else's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A copy compared with its source.

    Attributes:
        signed: The migration's receipt, if one was named.
        page: The HTML page, if one was wished.
    """

    before: Baseline
    now: Baseline
    lines: Sequence[Line]
    signed: Signed | None
    page: Path | None

    @property
    def good(self) -> bool:
        """True when nothing differs that should not."""
        return signpage.good(self.lines)

    def text(self) -> list[str]:
        """For a terminal; the last line is the verdict."""
        return list(signpage.text(self.before, self.now, self.lines, signed=self.signed))


def take_baseline(file: Path, root: Path) -> Baseline:
    """Write what is seen of this server.

    Raises:
        StateError: The file cannot be written.
    """
    baseline = take(_root(root), commands=SystemCommands(), clock=SystemClock())
    _write(file, signoff.as_json(baseline))
    return baseline


def compare_with(file: Path, root: Path, *, receipt: Path | None, page: Path | None) -> Arrival:
    """This server against a baseline.

    Args:
        receipt: Its edits are expected differences.
        page: Where to write the page to sign.

    Raises:
        StateError: A file cannot be read or written.
        VerifyError: The receipt's signature does not fit, or it is of another migration.
    """
    before = signoff.read(file)
    signed = read_receipt(receipt) if receipt else None
    if signed and before.migration not in {"", signed.receipt.migration}:
        raise VerifyError(
            f"is the receipt of migration {signed.receipt.migration}, the baseline is of"
            f" {before.migration}",
            subject=str(receipt),
            hint="Name the receipt and the baseline of one migration: they lie beside each other.",
        )
    edited = frozenset(e.path for e in signed.receipt.edits) if signed else frozenset()
    now = take(_root(root), commands=SystemCommands(), clock=SystemClock())
    lines = signoff.compare(before, now, edited=edited)
    if page is not None:
        _write(page, signpage.html(before, now, lines, signed=signed))
    return Arrival(before=before, now=now, lines=lines, signed=signed, page=page)


def _root(root: Path) -> Path:
    if not (root / "etc").is_dir():
        raise ConfigError("holds no system (there is no etc/ in it)", subject=f"--root {root}")
    return root


def _write(file: Path, text: str) -> None:
    try:
        atomic_write(file, text.encode(), _MODE)
    except OSError as error:
        raise StateError(
            f"cannot be written: {error.strerror}",
            subject=str(file),
            hint="Name a file in a folder that exists and can be written.",
        ) from error
