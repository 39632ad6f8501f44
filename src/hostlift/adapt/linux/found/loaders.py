# SPDX-License-Identifier: Apache-2.0
"""Boot loaders, found by what they left in ``/boot`` and on the EFI partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hostlift.adapt.linux.found import esp
from hostlift.adapt.reading import has_program, names
from hostlift.ports.tree import Tree


class LoaderKind(StrEnum):
    """What starts the kernel."""

    GRUB2 = "grub2"
    GRUB_LEGACY = "grub-legacy"
    EXTLINUX = "extlinux"
    SYSTEMD_BOOT = "systemd-boot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """A boot loader that is there.

    Attributes:
        folder: Where its files are.
        menu: Its configuration, which may be missing.
        install: Program that puts boot code on a disk.
        mkconfig: Program that writes the menu anew; empty: there is none.
    """

    kind: LoaderKind
    folder: str
    menu: str
    install: str = ""
    mkconfig: str = ""


_GRUB2 = (("/boot/grub2", "grub2"), ("/boot/grub", "grub"))
_GRUB2_SIGNS = ("grub.cfg", "i386-pc", "x86_64-efi", "arm64-efi", "grubenv")
_LEGACY_MENUS = ("/boot/grub/grub.conf", "/boot/grub/menu.lst")
_EXTLINUX_MENUS = (
    "/boot/extlinux.conf",
    "/boot/extlinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/boot/syslinux/extlinux.conf",
    "/extlinux.conf",
)
_ENTRIES = "loader/entries"


def found(tree: Tree, esp_folder: str) -> tuple[Loader, ...]:
    """All that are there, the likeliest first."""
    return (
        *_grub2(tree),
        *_legacy(tree),
        *_extlinux(tree),
        *_systemd_boot(tree, esp_folder),
    )


def entry_folders(tree: Tree, esp_folder: str) -> list[str]:
    """Folders of Boot Loader Specification entries."""
    tops = dict.fromkeys(["/boot", *([esp_folder] if esp_folder else []), "/boot/efi", "/efi"])
    return [f"{top}/{_ENTRIES}" for top in tops if names(tree, f"{top}/{_ENTRIES}")]


def _grub2(tree: Tree) -> Iterator[Loader]:
    for folder, prefix in _GRUB2:
        signs = any(tree.exists(f"{folder}/{sign}") for sign in _GRUB2_SIGNS)
        if not signs and not has_program(tree, f"{prefix}-mkconfig"):
            continue
        # SUSE and Red Hat add the 2 to the programs, others may keep the folder and drop it.
        tool = next(
            (p for p in (prefix, "grub2", "grub") if has_program(tree, f"{p}-install")), prefix
        )
        yield Loader(
            kind=LoaderKind.GRUB2,
            folder=folder,
            menu=f"{folder}/grub.cfg",
            install=f"{tool}-install",
            mkconfig=f"{tool}-mkconfig",
        )
        return


def _legacy(tree: Tree) -> Iterator[Loader]:
    menu = next((path for path in _LEGACY_MENUS if tree.exists(path)), "")
    if menu and (tree.exists("/boot/grub/stage2") or has_program(tree, "grub")):
        yield Loader(kind=LoaderKind.GRUB_LEGACY, folder="/boot/grub", menu=menu, install="grub")


def _extlinux(tree: Tree) -> Iterator[Loader]:
    menu = next((path for path in _EXTLINUX_MENUS if tree.exists(path)), "")
    if menu:
        yield Loader(
            kind=LoaderKind.EXTLINUX,
            folder=menu.rpartition("/")[0] or "/",
            menu=menu,
            install="extlinux",
        )


def _systemd_boot(tree: Tree, esp_folder: str) -> Iterator[Loader]:
    if esp_folder and esp.find(tree, esp_folder, "EFI/systemd/systemd-bootx64.efi"):
        yield Loader(
            kind=LoaderKind.SYSTEMD_BOOT, folder=esp_folder, menu=f"{esp_folder}/loader/loader.conf"
        )
