# SPDX-License-Identifier: Apache-2.0
"""Kinds of initramfs, recognised by what is in them: what each loads, and where one can join its start.

initramfs-tools runs what its ``ORDER`` file names. dracut has folders of hooks. nash (EL5) has no
shell: its ``init`` is the list of what it does. All others start with an ``init`` that a script may
run in front of, as long as there is a shell: mkinitcpio, mkinitfs, SUSE's mkinitrd, and unknown ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from hostlift.formats import dracut
from hostlift.formats.cpio import Member
from hostlift.formats.modules import is_module, module_name

ORDER = "scripts/init-top/ORDER"
INIT = "init"
LVM_CONFIGS = ("etc/lvm/lvm.conf", "etc/lvm/lvmlocal.conf")
LVM_DEVICES = "etc/lvm/devices/system.devices"
DRACUT_HOOKS = "lib/dracut/hooks/pre-udev"
_DRACUT = ("usr/lib/dracut", "lib/dracut", "usr/lib/dracut/hooks", "lib/dracut/hooks")
_SHELLS = ("bin/sh", "usr/bin/sh", "bin/busybox", "usr/bin/busybox", "bin/bash", "usr/bin/bash")
_INSMOD = re.compile(r"(?m)^[ \t]*insmod[ \t]+(\S+)")


class ImageKind(StrEnum):
    """How an image starts; ``CLOSED``: there is no way in."""

    INITRAMFS_TOOLS = "initramfs-tools"
    DRACUT = "dracut"
    NASH = "nash"
    SHELL = "shell"
    CLOSED = "closed"


def is_told(name: str) -> bool:
    """True for files whose content decides."""
    return name in {ORDER, INIT, *LVM_CONFIGS} or dracut.is_told(name)


def kind_of(members: Sequence[Member]) -> ImageKind:
    """What kind of image has these files."""
    names = {m.name for m in members}
    if ORDER in names:
        return ImageKind.INITRAMFS_TOOLS
    if names.intersection(_DRACUT):
        return ImageKind.DRACUT
    init = init_of(members)
    if init is not None and _is_nash(init):
        return ImageKind.NASH
    return ImageKind.SHELL if init is not None and shell_of(members) else ImageKind.CLOSED


def init_of(members: Sequence[Member]) -> Member | None:
    """The program the kernel starts: the last one of that name."""
    return next((m for m in reversed(members) if m.name == INIT), None)


def shell_of(members: Sequence[Member]) -> str:
    """Path of a shell in the image; empty when it has none."""
    names = {m.name for m in members}
    linked = any(m.name == "bin" and m.is_link for m in members)
    found = next((shell for shell in _SHELLS if shell in names), "")
    return f"bin/{found.rpartition('/')[2]}" if linked and found else found


def loaded(members: Sequence[Member]) -> set[str]:
    """Modules that the image can load; a nash script loads only what it names."""
    init = init_of(members)
    if init is not None and _is_nash(init):
        return {module_name(path) for path in _INSMOD.findall(init.data.decode("utf-8", "replace"))}
    return {module_name(m.name) for m in members if is_module(m.name)}


def _is_nash(init: Member) -> bool:
    return init.data.split(b"\n", 1)[0].rstrip().endswith(b"/nash")
