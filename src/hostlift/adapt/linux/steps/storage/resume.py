# SPDX-License-Identifier: Apache-2.0
"""Resume: a system told to wake up from a swap area that is gone waits half a minute for it."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_WHY = "its swap area was not migrated"
_INITRAMFS_TOOLS = "/etc/initramfs-tools/conf.d/resume"
# uswsusp of Debian, suspend of SUSE: "resume device = /dev/sda2", "resume = /dev/sda2".
_SUSPEND = ("/etc/uswsusp.conf", "/etc/suspend.conf")
_DEVICE = re.compile(r"(?m)^[ \t]*resume(?: device)?[ \t]*=[ \t]*(?P<device>\S+)[ \t]*\n?")


def apply(bench: Bench, edit: Editor) -> None:
    """Tell nobody to resume from what is not there."""
    text = bench.text(_INITRAMFS_TOOLS)
    if text is not None:
        lines = text.splitlines(keepends=True)
        new = "".join(_adapted(bench, line) for line in lines)
        edit.write_text(_INITRAMFS_TOOLS, new, _WHY)
    for path in _SUSPEND:
        text = bench.text(path)
        if text is not None:
            edit.write_text(path, _DEVICE.sub(lambda m: _kept(bench, m), text), _WHY)


def _adapted(bench: Bench, line: str) -> str:
    name, equals, value = line.strip().partition("=")
    if name != "RESUME" or not equals or value in {"none", "auto", ""} or bench.layout.knows(value):
        return line
    return "RESUME=none\n"


def _kept(bench: Bench, match: re.Match[str]) -> str:
    known = bench.layout.knows(match["device"])
    return match[0] if known else f"# hostlift, not on the target: {match[0].lstrip()}"


STEP = Step("resume", "Do not wait at boot for a swap area that was not migrated.", apply)
