# SPDX-License-Identifier: Apache-2.0
"""What an installed kernel can do, and what its initramfs holds of it."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.errors import FormatError
from hostlift.formats import imagekinds, initramfs, modules, pe
from hostlift.formats.imagekinds import ImageKind
from hostlift.formats.menus import Installed, default_release
from hostlift.inspect.guest import Guest
from hostlift.model.machine import Kernel, Machine

EARLY = ("virtio_pci", "virtio_blk", "nvme")
"""Drivers that find the disk on ECS: all must be loaded before the root file system is."""


@dataclass(frozen=True, slots=True)
class Image:
    """An initramfs as its kernel will find it.

    Attributes:
        lacking: Drivers of `EARLY`, and what they need, that the kernel has and the image has not.
        can_grow: Something can be appended to it that runs in front of its start.
        damage: Why it cannot be read; empty when it can.
    """

    path: str
    lacking: tuple[str, ...] = ()
    can_grow: bool = True
    damage: str = ""


def modules_of(guest: Guest, release: str) -> modules.Modules:
    """The modules of a kernel; empty indexes when it has none."""
    folder = f"/lib/modules/{release}"
    return modules.parse(
        guest.data(f"{folder}/modules.dep"),
        guest.data(f"{folder}/modules.builtin"),
        guest.text(f"/boot/config-{release}"),
    )


def default_kernel(guest: Guest, machine: Machine) -> str:
    """The release that starts when nobody touches the boot menu; the newest where it cannot tell."""
    found = [Installed(k.release, (k.image, k.initramfs)) for k in machine.kernels]
    return default_release(guest, machine.loader, found)


def image_of(guest: Guest, kernel: Kernel, known: modules.Modules) -> Image | None:
    """What a kernel's initramfs lacks; None without one, or where no index says what could be in it."""
    if not kernel.initramfs or not known.files:
        return None
    unified = kernel.initramfs.lower().endswith(".efi")
    data = guest.data(kernel.initramfs)
    if unified:
        data = b"".join(content for name, content in pe.sections(data) if name == ".initrd")
    if not data:
        return Image(kernel.initramfs, damage="nothing is in it")
    try:
        members = initramfs.members(data, imagekinds.is_told)
    except FormatError as error:
        return Image(kernel.initramfs, damage=error.message)
    found = imagekinds.loaded(members)
    lacking = tuple(name for name in known.closure(EARLY) if name not in found)
    can_grow = not unified and imagekinds.kind_of(members) is not ImageKind.CLOSED
    return Image(kernel.initramfs, lacking, can_grow)
