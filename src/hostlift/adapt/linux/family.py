# SPDX-License-Identifier: Apache-2.0
"""What a distribution family calls things and where it keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.model.adaptation import AdaptOrder
from hostlift.ports.tree import Tree

_PROGRAM_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family as data. ``{release}`` stands for a kernel release, ``{disk}`` for a device.

    Attributes:
        ids: ``ID`` and ``ID_LIKE`` words of os-release that belong to it.
        grub_folder: Where GRUB keeps its menu and modules.
        grub_install: Command that puts GRUB's BIOS boot code on a disk.
        grub_mkconfig: Command that writes the boot menu.
        initramfs: Path of a kernel's image.
        rebuild: Command that makes a kernel's image anew.
        modules_list: File that names modules every new image shall hold; empty: there is none.
        resume_file: File that tells the initramfs where to resume from; empty: there is none.
    """

    name: str
    ids: tuple[str, ...]
    grub_folder: str
    grub_install: tuple[str, ...]
    grub_mkconfig: tuple[str, ...]
    initramfs: str
    rebuild: tuple[str, ...]
    modules_list: str = ""
    resume_file: str = ""
    grub_defaults: str = "/etc/default/grub"
    grub_defaults_folder: str = "/etc/default/grub.d"


def detect(order: AdaptOrder, tree: Tree, families: tuple[Family, ...]) -> Family:
    """The family by its id, else by the tools that are there; the first one when nothing speaks.

    An unknown distribution is never refused: what cannot be done is found by the checks.
    """
    words = (order.os_id, *order.os_like)
    for word in words:
        for family in families:
            if word in family.ids:
                return family
    for family in families:
        if has_program(tree, family.rebuild[0]) and has_program(tree, family.grub_install[0]):
            return family
    return families[0]


def has_program(tree: Tree, name: str) -> bool:
    """True when the guest has a program in one of the usual places."""
    return any(tree.exists(f"{folder}/{name}") for folder in _PROGRAM_FOLDERS)
