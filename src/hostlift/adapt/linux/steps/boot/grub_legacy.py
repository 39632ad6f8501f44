# SPDX-License-Identifier: Apache-2.0
"""GRUB legacy's menu: command lines, a serial terminal, and ``(hdX,Y)`` of the new disk."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import bootlines
from hostlift.adapt.linux import bootmenus
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found.loaders import LoaderKind
from hostlift.model.plan import TargetPartition

_SERIAL = "serial --unit=0 --speed=115200\nterminal --timeout=5 serial console\n"
_ROOT = re.compile(r"(?m)^(?P<head>[ \t]*(?:root|rootnoverify)[ \t]+|# groot=)\(hd\d+,\d+\)")
# A picture needs the screen, which the serial terminal replaces.
_PICTURE = re.compile(r"(?m)^(?=(?:splashimage|gfxmenu)\b)")
_IN_PATH = re.compile(r"\(hd\d+,\d+\)(?=/)")


def apply(bench: Bench, edit: Editor) -> None:
    """Edit the menu."""
    loader = bench.tools.loader(LoaderKind.GRUB_LEGACY)
    text = bench.text(loader.menu) if loader is not None else None
    if loader is None or text is None:
        return
    new = bootmenus.edited(bench, text, bootlines.MENU_LST)
    partition, _ = bench.layout.boot_folder
    if isinstance(partition, TargetPartition) and partition.number:
        place = f"(hd0,{partition.number - 1})"
        new = _ROOT.sub(lambda m: f"{m['head']}{place}", new)
        new = _IN_PATH.sub(place, new)
    new = _PICTURE.sub("# hostlift, no screen: ", new)
    if not re.search(r"(?m)^serial\b", new):
        new = _SERIAL + new
    edit.write_text(loader.menu, new, bootmenus.WHY)
    edit.remove(f"{loader.folder}/device.map", "it names disks of the old machine")


def check(bench: Bench) -> Iterator[str]:
    """Every kernel names a root that exists on the target."""
    loader = bench.tools.loader(LoaderKind.GRUB_LEGACY)
    if loader is None or bench.tools.grub is not None:
        return
    if not any(bootlines.roots(bench.text(loader.menu) or "", bootlines.MENU_LST)):
        yield f"{loader.menu} names no root file system"
    yield from bootmenus.lost_roots(bench, loader.menu, bootlines.MENU_LST)


STEP = Step(
    "grub-legacy", "GRUB legacy's menu for the new disk and a serial console.", apply, check
)
