# SPDX-License-Identifier: Apache-2.0
"""Disk images mounted to be looked at: read-only, without replaying a journal, always let go.

A qcow2 image is first made raw in a scratch folder. Mounting gives the calling thread a mount
namespace of its own for the rest of its life, and every loop device is set to vanish with its last
user, so that even a killed process leaves nothing mounted and nothing attached.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import ConfigError
from hostlift.host.blockdev import device_size
from hostlift.host.mounts import mounted, private_namespace
from hostlift.model.receipt import Evidence
from hostlift.ports.commands import Commands

SCRATCH = Path("/var/tmp")  # noqa: S108 - large temporary files: often on a disk where /tmp is not
_HOW = "Give --image once for each disk, the system disk first."
_QCOW2 = b"QFI\xfb"
_CONVERT_TIMEOUT = 6 * 3600.0
_LOOP_TIMEOUT = 30.0
_UNTOUCHED = {
    "ext2": ("ro",),
    "ext3": ("ro", "noload"),
    "ext4": ("ro", "noload"),
    "xfs": ("ro", "norecovery", "nouuid"),
    "btrfs": ("ro", "rescue=nologreplay"),
}
"""Mount options that write nothing, not even a journal that was left open."""


@dataclass(frozen=True, slots=True)
class RawImages:
    """Images of all disks that can be mounted.

    Attributes:
        folder: For mount points; gone at the end.
        disks: Raw image of each target disk by its index.
    """

    folder: Path
    disks: Mapping[int, Path]


@contextlib.contextmanager
def raw_images(
    images: Sequence[Path], evidence: Sequence[Evidence], *, commands: Commands, scratch: Path
) -> Iterator[RawImages]:
    """The images as raw files, for the length of the block.

    Args:
        images: One for each target disk, in the plan's order.
        scratch: For raw copies of qcow2 images.

    Raises:
        ConfigError: There are not as many images as disks, or one of them cannot be read.
        HostError: One cannot be converted.
    """
    disks = sorted({e.disk for e in evidence})
    if len(images) != len(disks):
        raise ConfigError(
            f"the receipt speaks of {len(disks)} disks, {len(images)} images were given",
            subject="--image",
            hint=_HOW,
        )
    with tempfile.TemporaryDirectory(prefix="hostlift-verify-", dir=scratch) as name:
        folder = Path(name)
        found = {
            disk: _raw(image, folder / f"disk{disk}.raw", commands)
            for disk, image in zip(disks, images, strict=True)
        }
        yield RawImages(folder, found)


@contextlib.contextmanager
def mounted_images(
    images: RawImages, evidence: Sequence[Evidence], *, commands: Commands
) -> Iterator[Mapping[str, Path]]:
    """Where each volume of a receipt can be read, for the length of the block.

    Raises:
        ConfigError: An image is not one of its disk.
        HostError: One cannot be attached or mounted.
    """
    private_namespace()
    with contextlib.ExitStack() as stack:
        found: dict[str, Path] = {}
        for volumes in _by_place(evidence):
            device = _attached(images.disks[volumes[0].disk], volumes[0], commands)
            try:
                for volume in volumes:
                    place = images.folder / volume.volume
                    place.mkdir()
                    kind, options = volume.file_system, _options(volume)
                    stack.enter_context(mounted(device, place, kind=kind, options=options))
                    found[volume.volume] = place
            finally:
                # Still mounted: the kernel lets go of it at the last unmount.
                commands.run(["losetup", "--detach", device], timeout=_LOOP_TIMEOUT)
        yield found


def _by_place(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """Volumes that are subvolumes of one file system together: it must not be seen twice."""
    found: dict[tuple[int, int], list[Evidence]] = {}
    for volume in evidence:
        found.setdefault((volume.disk, volume.start), []).append(volume)
    return list(found.values())


def _options(volume: Evidence) -> tuple[str, ...]:
    options = _UNTOUCHED.get(volume.file_system, ("ro",))
    return (*options, f"subvol={volume.subvolume}") if volume.subvolume else options


def _raw(image: Path, copy: Path, commands: Commands) -> Path:
    """The image itself, or a raw copy of it."""
    try:
        with image.open("rb") as file:
            magic = file.read(len(_QCOW2))
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", subject=f"--image {image}"
        ) from error
    if magic != _QCOW2:
        return image
    # The format is named: a raw disk whose first sector looks like another must not be probed.
    argv = ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(image), str(copy)]
    commands.run(argv, timeout=_CONVERT_TIMEOUT)
    return copy


def _attached(raw: Path, volume: Evidence, commands: Commands) -> str:
    if volume.start >= device_size(str(raw)):
        raise ConfigError(
            f"{raw} ends before {volume.volume} begins: it is not an image of disk {volume.disk}",
            subject="--image",
            hint=_HOW,
        )
    argv = ["losetup", "--find", "--show", "--read-only", "--offset", str(volume.start), str(raw)]
    return commands.run(argv, timeout=_LOOP_TIMEOUT).text.strip()
