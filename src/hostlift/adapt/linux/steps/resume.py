# SPDX-License-Identifier: Apache-2.0
"""Resume: an initramfs told to wake up from a swap area that is gone waits half a minute for it."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step


def apply(bench: Bench, edit: Editor) -> None:
    """Tell the initramfs not to resume from what is not there."""
    path = bench.family.resume_file
    text = bench.text(path) if path else None
    if text is None:
        return
    new = "".join(_adapted(bench, line) for line in text.splitlines(keepends=True))
    edit.write(path, new.encode("utf-8", "surrogateescape"), "its swap area was not migrated")


def _adapted(bench: Bench, line: str) -> str:
    name, equals, value = line.strip().partition("=")
    if name != "RESUME" or not equals or value in {"none", "auto", ""} or bench.layout.knows(value):
        return line
    return "RESUME=none\n"


STEP = Step("resume", "Do not wait at boot for a swap area that was not migrated.", apply)
