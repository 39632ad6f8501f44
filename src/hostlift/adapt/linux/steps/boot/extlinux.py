# SPDX-License-Identifier: Apache-2.0
"""extlinux and syslinux: command lines and a serial console in the menu."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import bootlines
from hostlift.adapt.linux import bootmenus
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found.loaders import LoaderKind

_SERIAL = "SERIAL 0 115200\n"


def apply(bench: Bench, edit: Editor) -> None:
    """Edit the menu; its first line must be the serial port."""
    loader = bench.tools.loader(LoaderKind.EXTLINUX)
    text = bench.text(loader.menu) if loader is not None else None
    if loader is None or text is None:
        return
    new = bootmenus.edited(bench, text, bootlines.EXTLINUX)
    if not re.search(r"(?mi)^serial\b", new):
        new = _SERIAL + new
    edit.write_text(loader.menu, new, bootmenus.WHY)


def check(bench: Bench) -> Iterator[str]:
    """Every kernel names a root that exists on the target."""
    loader = bench.tools.loader(LoaderKind.EXTLINUX)
    if loader is None or bench.tools.grub is not None:
        return
    if not any(bootlines.roots(bench.text(loader.menu) or "", bootlines.EXTLINUX)):
        yield f"{loader.menu} names no root file system"
    yield from bootmenus.lost_roots(bench, loader.menu, bootlines.EXTLINUX)


STEP = Step("extlinux", "extlinux's menu with the command line the copy needs.", apply, check)
