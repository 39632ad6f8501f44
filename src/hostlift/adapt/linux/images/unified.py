# SPDX-License-Identifier: Apache-2.0
"""Unified kernel images: kernel, initramfs and command line in one file that UEFI starts.

systemd-boot finds them in ``EFI/Linux`` by itself; without it they are what the firmware starts.
Nothing can be appended to what is inside: an image that lacks something has to be made anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hostlift.adapt.formats import bzimage
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.found import esp
from hostlift.adapt.linux.images.kernels import Kernel, modules_of, needed
from hostlift.adapt.reading import data
from hostlift.errors import AdaptError, FormatError
from hostlift.formats import imagekinds, initramfs, pe
from hostlift.formats.cpio import Member

STUB_MARK = b"LoaderInfo: systemd-stub"
FOLDER = "EFI/Linux"
_FALLBACK = "EFI/BOOT/BOOTX64.EFI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unified:
    """A unified kernel image.

    Attributes:
        release: Of its kernel; empty: it does not say.
        lines: Kernel command lines inside, one for each profile.
        members: What its initramfs holds; of files that decide with their content.
    """

    path: str
    release: str = ""
    lines: tuple[str, ...] = ()
    members: list[Member] = field(default_factory=list)
    signed: bool = False


def unified_images(bench: Bench) -> Iterator[Unified]:
    """All of a copy that starts by UEFI; one that the firmware starts by itself is the last.

    Raises:
        AdaptError: The initramfs in one of them is damaged.
    """
    own = esp.find(bench.tree, bench.tools.esp, _FALLBACK) if bench.tools.esp else ""
    for path in [*paths(bench), *([own] if own and bench.order.firmware == "uefi" else [])]:
        content = data(bench.tree, path) or b""
        found = list(pe.sections(content))
        if not any(name == ".linux" for name, _ in found):
            continue
        yield Unified(
            path=path,
            release=_release(found),
            lines=tuple(_plain(c) for name, c in found if name == ".cmdline"),
            members=_members(bench, path, b"".join(c for name, c in found if name == ".initrd")),
            signed=pe.is_signed(content),
        )


def paths(bench: Bench) -> list[str]:
    """Files in the folder of unified images, by name."""
    if bench.order.firmware != "uefi":
        return []
    tops = dict.fromkeys([*([bench.tools.esp] if bench.tools.esp else []), "/boot"])
    folders = dict.fromkeys(f for top in tops if (f := esp.find(bench.tree, top, FOLDER)))
    return [
        f"{folder}/{name}"
        for folder in folders
        for name in bench.names(folder)
        if name.casefold().endswith(".efi")
    ]


def kernel_of(bench: Bench, image: Unified) -> Kernel | None:
    """Its kernel; None when the copy does not have that kernel's modules."""
    found = modules_of(bench, image.release) if image.release else None
    return Kernel(image.release, image.path, image.path, found) if found is not None else None


def missing(bench: Bench, image: Unified) -> list[str] | None:
    """Drivers its initramfs lacks; None: nothing is known of its kernel."""
    kernel = kernel_of(bench, image)
    if kernel is None:
        return None
    found = imagekinds.loaded(image.members)
    return [name for name in needed(bench, kernel) if name not in found]


def _members(bench: Bench, path: str, archive: bytes) -> list[Member]:
    status = bench.tree.stat(path)
    key = (path, status.mtime_ns, status.size)
    if key not in bench.images:
        try:
            bench.images[key] = initramfs.members(archive, imagekinds.is_told)
        except FormatError as error:
            raise AdaptError(error.message, subject=path) from error
    return bench.images[key]


def _release(found: list[tuple[str, bytes]]) -> str:
    """As its maker wrote it down, else (dracut) as the kernel's own header has it."""
    for name, content in found:
        if name == ".uname":
            return _plain(content)
    return next((bzimage.release(content) for name, content in found if name == ".linux"), "")


def _plain(content: bytes) -> str:
    return content.rstrip(b"\0").decode("utf-8", "surrogateescape").strip()
