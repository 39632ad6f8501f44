# SPDX-License-Identifier: Apache-2.0
"""Kernel command lines in the settings of tools that write boot menus and images later."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import bootlines, shellvars
from hostlift.adapt.linux import bootmenus, cmdline
from hostlift.adapt.linux.bench import Bench, Step

_WHY = "kernel command line for ECS, for menus and images written from now on"
_WHOLE = "/etc/kernel/cmdline"
# Lists of their own: they lack what the boot menu adds, so nothing is added here either.
_PARTS = (
    ("/etc/dracut.conf", "kernel_cmdline"),
    ("/etc/dracut.conf.d/*.conf", "kernel_cmdline"),
)
_LISTS = (
    ("/etc/sysconfig/bootloader", "DEFAULT_APPEND"),
    ("/etc/sysconfig/bootloader", "FAILSAFE_APPEND"),
    ("/etc/update-extlinux.conf", "default_kernel_opts"),
    ("/etc/default/extlinux", "EXTLINUX_PARAMETERS"),
)
_ROOTS = (("/etc/update-extlinux.conf", "root"), ("/etc/default/extlinux", "EXTLINUX_ROOT"))
_SERIAL = (("serial_port", "0"), ("serial_baud", "115200"))


def apply(bench: Bench, edit: Editor) -> None:
    """Edit each where it is."""
    line = bench.text(_WHOLE)
    if line is not None:
        edit.write_text(_WHOLE, f"{cmdline.adapted(bench, line.strip())}\n", _WHY)
    for pattern, name in _PARTS:
        for path in bench.glob(pattern):
            _change(bench, edit, path, name, add=False)
    for path, name in _LISTS:
        _change(bench, edit, path, name, add=True)
    for path, name in _ROOTS:
        _root(bench, edit, path, name)
    _serial(bench, edit, "/etc/update-extlinux.conf")
    # Entries that an administrator wrote by hand: grub-mkconfig copies them as they are.
    for path in bench.glob("/etc/grub.d/*_custom"):
        bootmenus.edit_file(bench, edit, path, bootlines.GRUB)


def _change(bench: Bench, edit: Editor, path: str, name: str, *, add: bool) -> None:
    text = bench.text(path)
    value = shellvars.get(text, name) if text is not None else None
    if text is None or value is None:
        return
    new = cmdline.without_lost(bench.layout, value)
    new = cmdline.adapted(bench, new) if add else new
    if new != value:
        edit.write_text(path, shellvars.put(text, name, new), _WHY)


def _root(bench: Bench, edit: Editor, path: str, name: str) -> None:
    text = bench.text(path)
    value = shellvars.get(text, name) if text is not None else None
    if text is None or not value:
        return
    # Debian's own variable holds the whole argument, Alpine's the device only.
    bare = value.removeprefix("root=")
    new = cmdline.without_lost(bench.layout, f"root={bare}").removeprefix("root=")
    if new != bare:
        edit.write_text(path, shellvars.put(text, name, value.replace(bare, new)), _WHY)


def _serial(bench: Bench, edit: Editor, path: str) -> None:
    text = bench.text(path)
    if text is None:
        return
    for name, value in _SERIAL:
        if not shellvars.get(text, name):
            text = shellvars.put(text, name, value)
    edit.write_text(path, text, "a serial console for the boot loader")


STEP = Step("kernel-arguments", "Later boot menus with the command line the copy needs.", apply)
