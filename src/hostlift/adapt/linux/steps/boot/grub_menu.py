# SPDX-License-Identifier: Apache-2.0
"""GRUB's menu: the same as before, with the command line the copy needs.

A menu that grub-mkconfig wrote and whose devices exist on the target is edited where it stands, in
the same words grub-mkconfig would use; running it costs 12 s on an emulated processor. Any other
menu is written anew by the guest's tool, always to ``/boot``: what is on the EFI partition is a menu
of its own (EL7, EL8), which is edited too, or a stub that reads the one in ``/boot`` (Debian, EL9.4
and later), which must stay as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import bootlines, grubcfg
from hostlift.adapt.layout import Stacked
from hostlift.adapt.linux import bootmenus, cmdline
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.guest_tool import run_tool
from hostlift.formats import grubenv

_NAME = "grub-menu"
_TERMINAL = (
    "serial --speed=115200 --unit=0 --word=8 --parity=no --stop=1",
    "terminal_input console serial",
    "terminal_output console serial",
)


def apply(bench: Bench, edit: Editor) -> None:
    """Edit the menus, or have the one in ``/boot`` written."""
    grub = bench.tools.grub
    if grub is None:
        return
    _edit_environment(bench, edit, f"{grub.folder}/grubenv")
    text = bench.text(grub.menu)
    own = [path for path in _on_esp(bench) if grubcfg.is_menu(bench.text(path) or "")]
    if (text is None and not own) or (text is not None and not _is_good(bench, text)):
        edit.folder(grub.folder, bootmenus.WHY)
        argv = [grub.mkconfig, "-o", grub.menu]
        problem = run_tool(bench, argv, watched=[grub.folder], adaptation=_NAME, why=bootmenus.WHY)
        if problem:
            bench.note(f"the boot menu was not written anew ({grub.mkconfig}): {problem}")
    for path in (grub.menu, *own):
        menu = bench.text(path)
        if menu is not None:
            new = bootmenus.edited(bench, menu, bootlines.GRUB)
            edit.write_text(path, grubcfg.with_serial_terminal(new, _TERMINAL), bootmenus.WHY)


def check(bench: Bench) -> Iterator[str]:
    """Every menu names a root, and only such that exist on the target."""
    grub = bench.tools.grub
    if grub is None:
        return
    paths = [p for p in (grub.menu, *_on_esp(bench)) if grubcfg.is_menu(bench.text(p) or "")]
    entries = any(grubcfg.uses_entries(bench.text(p) or "") for p in paths)
    if not entries and not any(_roots(bench, path) for path in paths):
        yield f"{grub.menu} names no root file system"
    for path in paths:
        yield from bootmenus.lost_roots(bench, path, bootlines.GRUB)


def _roots(bench: Bench, path: str) -> list[str]:
    return list(bootlines.roots(bench.text(path) or "", bootlines.GRUB))


def _on_esp(bench: Bench) -> list[str]:
    esp = bench.tools.esp
    return bench.glob(f"{esp}/EFI/*/grub.cfg") if esp else []


def _is_good(bench: Bench, text: str) -> bool:
    """Written by grub-mkconfig, and it looks for nothing that was not migrated."""
    if grubcfg.is_stub(text):
        return True
    lost = [
        device
        for device in grubcfg.stacked_devices(text)
        if not bench.layout.has_stacked(_KINDS[device.partition("/")[0]], device.partition("/")[2])
    ]
    return grubcfg.is_generated(text) and not lost


_KINDS = {
    "lvmid": Stacked.LOGICAL_VOLUME,
    "mduuid": Stacked.ARRAY,
    "cryptouuid": Stacked.LUKS,
}


def _edit_environment(bench: Bench, edit: Editor, path: str) -> None:
    """EL8 keeps the command line of all entries in the environment block."""
    text = bench.text(path) or ""
    options = grubenv.get(text, "kernelopts")
    if options is None:
        return
    new = grubenv.put(text, "kernelopts", cmdline.adapted(bench, options))
    if new is None:
        bench.note(f"{path} has no room for a longer kernel command line: it was left as it is")
        return
    edit.write_text(path, new, bootmenus.WHY)


STEP = Step(_NAME, "A boot menu with the command line the copy needs.", apply, check)
