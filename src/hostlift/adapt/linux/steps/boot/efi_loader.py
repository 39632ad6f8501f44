# SPDX-License-Identifier: Apache-2.0
"""UEFI: the loader where every firmware looks (``EFI/BOOT``), because its entries do not travel.

A signed shim stays signed: it is copied with what it starts. Its helper ``fb*.efi`` would make entries
and reset, again and again on a machine that forgets them: it goes. GRUB finds its menu by a stub.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import grubcfg
from hostlift.adapt.linux import efi_loaders
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.efi_loaders import EfiLoader
from hostlift.adapt.linux.found import esp
from hostlift.adapt.linux.found.loaders import LoaderKind
from hostlift.adapt.linux.guest_tool import run_tool
from hostlift.adapt.linux.images.unified import STUB_MARK
from hostlift.adapt.linux.templates import template
from hostlift.adapt.reading import data
from hostlift.formats.pe import SHIM_MARK

_NAME = "efi-loader"
_WHY = "the place where every firmware looks; entries in its memory do not travel"
_FALLBACK = "EFI/BOOT"
_FIRST = f"{_FALLBACK}/BOOTX64.EFI"
_HELPERS = ("fbx64.efi", "fallback.efi", "fbia32.efi")
_MODULES = (
    *("part_gpt", "part_msdos", "ext2", "xfs", "btrfs", "fat", "normal", "configfile", "linux"),
    *("search", "search_fs_uuid", "search_label", "test", "echo", "loadenv", "minicmd", "gzio"),
    *("all_video", "serial", "terminal", "sleep", "reboot", "halt", "lvm", "mdraid1x"),
)


def apply(bench: Bench, edit: Editor) -> None:
    """Put it there."""
    if bench.order.firmware != "uefi" or not bench.tools.esp:
        return
    own = efi_loaders.on_partition(bench)
    loader = own or efi_loaders.for_unified(bench) or efi_loaders.in_packages(bench)
    first = data(bench.tree, _at(bench, _FIRST))
    if loader is not None and (first is None or not efi_loaders.is_known(first)):
        edit.write(_at(bench, _FIRST), loader.first, _WHY)
        first = loader.first
        if STUB_MARK in first:
            bench.note(
                f"{bench.tools.esp}/{_FIRST} is a copy of a unified kernel image and grows old with"
                " the next kernel: install systemd-boot"
            )
    if first is None and not _made_by_guest(bench, edit):
        return
    if first is not None and SHIM_MARK in first and loader is not None:
        _complete_shim(bench, edit, loader)
    _find_menu(bench, edit, loader, ours=own is None)


def check(bench: Bench) -> Iterator[str]:
    """There is something to start, and what it starts in turn."""
    if bench.order.firmware != "uefi":
        return
    if not bench.tools.esp:
        yield "there is no EFI partition to start from"
        return
    first = data(bench.tree, _at(bench, _FIRST))
    if first is None:
        yield f"there is no {bench.tools.esp}/{_FIRST} for the firmware to start"
    elif SHIM_MARK in first and not esp.find(
        bench.tree, bench.tools.esp, f"{_FALLBACK}/grubx64.efi"
    ):
        yield f"shim in {bench.tools.esp}/{_FALLBACK} has no grubx64.efi to start"


def _at(bench: Bench, path: str) -> str:
    return esp.place(bench.tree, bench.tools.esp, path)


def _complete_shim(bench: Bench, edit: Editor, loader: EfiLoader) -> None:
    for name, image in loader.beside.items():
        edit.write(_at(bench, f"{_FALLBACK}/{name}"), image, _WHY)
    for name in _HELPERS:
        found = esp.find(bench.tree, bench.tools.esp, f"{_FALLBACK}/{name}")
        if found:
            edit.remove(
                found, "it makes firmware entries and resets: for ever, where they are lost"
            )


def _find_menu(bench: Bench, edit: Editor, loader: EfiLoader | None, *, ours: bool) -> None:
    """A stub beside the loader and in the folder it was built to look in."""
    grub = bench.tools.loader(LoaderKind.GRUB2)
    if grub is None or loader is None or not loader.is_grub:
        return
    vendor = f"EFI/{loader.vendor}/grub.cfg" if loader.vendor else ""
    known = esp.find(bench.tree, bench.tools.esp, vendor) if vendor else ""
    stub = _leading_to(bench, loader.vendor, known) if known else _stub(bench, grub.folder)
    if stub is None:
        return
    for path in (f"{_FALLBACK}/grub.cfg", vendor if ours else ""):
        if path and not esp.find(bench.tree, bench.tools.esp, path):
            edit.write(_at(bench, path), stub, "GRUB finds its menu by it")


def _leading_to(bench: Bench, vendor: str, path: str) -> bytes | None:
    """A copy of the vendor's stub; to a whole menu there (EL7, EL8) a way, or it would grow old."""
    text = bench.text(path) or ""
    if grubcfg.is_menu(text):
        return template("grub-vendor.cfg").replace(b"@VENDOR@", vendor.encode())
    return data(bench.tree, path)


def _stub(bench: Bench, folder: str) -> bytes | None:
    partition, boot = bench.layout.boot_folder
    if partition is None or not partition.fs_uuid:
        return None
    path = f"{boot}{folder.removeprefix('/boot')}"
    words = {b"@UUID@": partition.fs_uuid.encode(), b"@FOLDER@": path.encode()}
    text = template("grub-stub.cfg")
    for mark, value in words.items():
        text = text.replace(mark, value)
    return text


def _made_by_guest(bench: Bench, edit: Editor) -> bool:
    """A loader made of the copy's own modules for UEFI, where it has no ready one."""
    grub = bench.tools.loader(LoaderKind.GRUB2)
    stub = _stub(bench, grub.folder) if grub is not None else None
    if grub is None or stub is None:
        return False
    target, config = _at(bench, _FIRST), f"{grub.folder}/hostlift-efi.cfg"
    edit.folder(target.rpartition("/")[0], _WHY)
    edit.write(config, stub, _WHY)
    maker = grub.install.replace("-install", "-mkimage")
    argv = [maker, "-O", "x86_64-efi", "-p", grub.folder, "-c", config, "-o", target, *_MODULES]
    problem = run_tool(bench, argv, watched=[target], adaptation=_NAME, why=_WHY)
    edit.remove(config, _WHY)
    if problem:
        bench.note(
            f"no loader for UEFI by the copy's {maker} ({problem}): install GRUB for UEFI on the"
            " source (grub-efi-amd64-signed and shim-signed, or grub2-efi-x64 and shim-x64)"
        )
    return not problem


STEP = Step(_NAME, "A loader where every UEFI firmware looks.", apply, check)
