# SPDX-License-Identifier: Apache-2.0
"""UEFI loaders that a copy has: on its EFI partition, or in its packages when it started by BIOS."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.found import esp
from hostlift.adapt.linux.images import unified
from hostlift.adapt.linux.images.unified import STUB_MARK
from hostlift.adapt.reading import data
from hostlift.formats.pe import SHIM_MARK
from hostlift.model.bootfiles import PACKAGED_EFI

_GRUB_MARK = b"GRUB"
_SYSTEMD_MARK = b"LoaderInfo: systemd-boot"
_SYSTEMD_PACKAGED = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"
_OURS = ("shimx64.efi", "shim.efi", "grubx64.efi", "grub.efi", "systemd-bootx64.efi")
_SECOND = ("grubx64.efi", "grub.efi")
_BESIDE = ("mmx64.efi", "MokManager.efi")
_PREFIX = re.compile(rb"/EFI/([A-Za-z]\w*)\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class EfiLoader:
    """A loader with what it needs beside it.

    Attributes:
        first: What the firmware starts; a signed shim stays as it is.
        beside: Name -> content of what must lie in the same folder.
        vendor: Folder on the EFI partition where it looks for its menu; empty: it does not.
    """

    first: bytes
    beside: dict[str, bytes]
    vendor: str = ""

    @property
    def is_grub(self) -> bool:
        """True when GRUB is started, directly or by shim."""
        images = (self.first, *self.beside.values())
        # A kernel may well have the word in it.
        return STUB_MARK not in self.first and any(_GRUB_MARK in image for image in images)


def on_partition(bench: Bench) -> EfiLoader | None:
    """The loader that an installer put into a folder of its own."""
    top = bench.tools.esp
    folders = bench.names(f"{top}/EFI") if top else []
    for vendor in sorted(folders, key=lambda v: v.casefold() == "systemd"):
        if vendor.casefold() in {"boot", "microsoft"}:
            continue
        found = _from_folder(bench, f"{top}/EFI/{vendor}", vendor)
        if found is not None:
            return found
    return None


def in_packages(bench: Bench) -> EfiLoader | None:
    """What a copy that never started by UEFI has installed, all the same."""
    for first, second in PACKAGED_EFI:
        shim = data(bench.tree, first)
        grub = data(bench.tree, second) if second else b""
        if shim is None or grub is None:
            continue
        prefix = _PREFIX.search(grub or shim)
        beside = {"grubx64.efi": grub} if second else {}
        return EfiLoader(first=shim, beside=beside, vendor=prefix[1].decode() if prefix else "")
    return None


def for_unified(bench: Bench) -> EfiLoader | None:
    """What starts unified kernel images where no loader is set up: systemd-boot, or one of them."""
    images = unified.paths(bench)
    if not images or bench.tools.grub is not None:
        return None
    for path in (f"{_SYSTEMD_PACKAGED}.signed", _SYSTEMD_PACKAGED, *reversed(images)):
        first = data(bench.tree, path)
        if first is not None:
            return EfiLoader(first=first, beside={})
    return None


def is_known(image: bytes) -> bool:
    """True for a loader that starts Linux, false for another system's."""
    return any(mark in image for mark in (SHIM_MARK, _GRUB_MARK, _SYSTEMD_MARK, STUB_MARK))


def _from_folder(bench: Bench, folder: str, vendor: str) -> EfiLoader | None:
    images = {name: _read(bench, folder, name) for name in (*_OURS, *_BESIDE)}
    there = {name: image for name, image in images.items() if image is not None}
    first = next((name for name in _OURS if name in there), "")
    if not first:
        return None
    wanted: tuple[str, ...] = _BESIDE
    if SHIM_MARK in there[first] or first.startswith("shim"):
        wanted = (*_SECOND, *_BESIDE)
    beside = {name: there[name] for name in wanted if name in there and name != first}
    return EfiLoader(first=there[first], beside=beside, vendor=vendor)


def _read(bench: Bench, folder: str, name: str) -> bytes | None:
    path = esp.find(bench.tree, folder, name)
    return data(bench.tree, path) if path else None
