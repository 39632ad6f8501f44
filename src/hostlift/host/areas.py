# SPDX-License-Identifier: Apache-2.0
"""The places of a plan as block devices: partitions by their nodes, logical volumes by loop devices.

A logical volume is one run of extents, so a loop device with its offset and size shows it, and
nothing depends on device-mapper. Promise: a loop device goes with its last user; one that is there
is used again, because two would keep two caches of the same bytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hostlift.host.blockdev import flush, is_in_use, partition_node, write_at
from hostlift.host.disks import make_file_system, node_of
from hostlift.host.lvm import ondisk
from hostlift.host.lvm.records import DATA_START, Group, Logical, Physical, Segment
from hostlift.host.mounts import mounted
from hostlift.model.plan import Area, TargetDisk, TargetLogical, TargetPartition
from hostlift.ports.commands import Commands

_TIMEOUT = 60.0
_BLOCK = Path("/sys/block")
_SYSFS_SECTOR = 512


@contextlib.contextmanager
def area_node(device: str, area: Area, *, commands: Commands) -> Iterator[str]:
    """A block device that shows an area, for the length of the block; what is mounted from it stays.

    Args:
        device: Of the disk.

    Raises:
        HostError: It cannot be attached.
    """
    if isinstance(area, TargetPartition):
        yield node_of(device, area)
        return
    node = _loop_of(device, area) or _attach(device, area, commands)
    try:
        yield node
    finally:
        # In use: the kernel lets go of it with its last user.
        commands.run(["losetup", "--detach", node], timeout=_TIMEOUT, check=False)


def is_area_in_use(device: str, area: Area) -> bool:
    """True while somebody has it mounted, also in a mount namespace we cannot see."""
    if isinstance(area, TargetPartition):
        return is_in_use(node_of(device, area))
    return bool(_loop_of(device, area))


def make_area(device: str, area: Area, scratch: Path, *, commands: Commands) -> None:
    """Make an area's file system or swap, and the subvolumes of a btrfs.

    Args:
        scratch: A folder to mount a btrfs on meanwhile; made when it is missing.
    """
    if not area.file_system:
        return
    with area_node(device, area, commands=commands) as node:
        make_file_system(node, area, commands=commands)
        if area.subvolumes:
            scratch.mkdir(parents=True, exist_ok=True)
            with mounted(node, scratch, kind="btrfs"):
                _make_subvolumes(area, scratch, commands)
        flush(node)


def make_groups(
    disks: Sequence[TargetDisk], devices: Mapping[int, str], *, host: str, time: int
) -> None:
    """Write the metadata of every LVM group of a plan onto its physical volumes.

    Args:
        devices: Node of each disk by index.
        host: Noted in the metadata as where, and
        time: seconds since 1970, when it was made.
    """
    for group, places in groups_of(disks).items():
        for physical, (disk, partition) in zip(group.physical, places, strict=True):
            node = node_of(devices[disk.index], partition)
            for piece in ondisk.pieces(group, physical, host=host, time=time):
                write_at(node, piece.offset, piece.data)
            flush(node)


Places = tuple[tuple[TargetDisk, TargetPartition], ...]


def groups_of(disks: Sequence[TargetDisk]) -> dict[Group, Places]:
    """The LVM groups of a plan, each with the partitions that are its physical volumes, in order."""
    found: dict[str, list[tuple[TargetDisk, TargetPartition]]] = {}
    for disk in disks:
        for partition in disk.partitions:
            if partition.physical is not None:
                found.setdefault(partition.physical.group_uuid, []).append((disk, partition))
    return {_group([p for _, p in places]): tuple(places) for places in found.values()}


def nodes(disks: Sequence[TargetDisk], devices: Mapping[int, str]) -> dict[str, Area]:
    """Every area of a plan that has a node now, by that node."""
    found: dict[str, Area] = {}
    for disk in disks:
        device = devices[disk.index]
        for partition in disk.partitions:
            found[partition_node(device, partition.number)] = partition
            for area in partition.areas:
                if isinstance(area, TargetLogical) and (loop := _loop_of(device, area)):
                    found[loop] = area
    return found


def links(disks: Sequence[TargetDisk], devices: Mapping[int, str]) -> dict[str, Path]:
    """What udev would make below /dev for a plan's file systems and logical volumes."""
    groups = {
        v: p.physical.group for d in disks for p in d.partitions if p.physical for v in p.areas
    }
    found: dict[str, Path] = {}
    for node, area in nodes(disks, devices).items():
        if area.fs_uuid:
            found[f"disk/by-uuid/{area.fs_uuid}"] = Path(node)
        if isinstance(area, TargetLogical):
            found[f"mapper/{mapper_name(groups[area], area.name)}"] = Path(node)
    return found


def mapper_name(group: str, volume: str) -> str:
    """What device-mapper calls a logical volume: dashes in the names doubled."""
    return f"{group.replace('-', '--')}-{volume.replace('-', '--')}"


def _group(partitions: Sequence[TargetPartition]) -> Group:
    physical: list[Physical] = []
    logical: list[Logical] = []
    told = [(p, p.physical) for p in partitions if p.physical is not None]
    for number, (partition, part) in enumerate(told):
        extents = (partition.size - DATA_START) // part.extent_size
        name = f"pv{number}"
        physical.append(Physical(name=name, id=part.uuid, size=partition.size, extents=extents))
        for volume in part.volumes:
            first = (volume.start - partition.start - DATA_START) // part.extent_size
            length = volume.size // part.extent_size
            run = Segment(start=0, extents=length, type="striped", stripes=((name, first),))
            logical.append(Logical(name=volume.name, id=volume.uuid, segments=(run,)))
    first_part = told[0][1]
    return Group(
        name=first_part.group,
        id=first_part.group_uuid,
        extent_size=first_part.extent_size,
        physical=tuple(physical),
        logical=tuple(logical),
    )


def _make_subvolumes(area: Area, top: Path, commands: Commands) -> None:
    for subvolume in area.subvolumes:
        place = top / subvolume.path
        place.parent.mkdir(parents=True, exist_ok=True)
        commands.run(["btrfs", "subvolume", "create", str(place)], timeout=_TIMEOUT)
        if subvolume.default:
            asked = ["btrfs", "inspect-internal", "rootid", str(place)]
            id_ = commands.run(asked, timeout=_TIMEOUT).text.strip()
            commands.run(["btrfs", "subvolume", "set-default", id_, str(top)], timeout=_TIMEOUT)


def _attach(device: str, area: Area, commands: Commands) -> str:
    argv = ["losetup", "--find", "--show", "--direct-io=on", "--offset", str(area.start)]
    done = commands.run([*argv, "--sizelimit", str(area.size), device], timeout=_TIMEOUT)
    return done.text.strip()


def _loop_of(device: str, area: Area) -> str:
    """The loop device that shows an area of a disk; empty when there is none."""
    real = os.path.realpath(device)
    for folder in sorted(_BLOCK.glob("loop*/loop")):
        with contextlib.suppress(OSError, ValueError):
            backing = (folder / "backing_file").read_text().rstrip("\n")
            offset = int((folder / "offset").read_text())
            size = int((folder.parent / "size").read_text()) * _SYSFS_SECTOR
            if (backing, offset, size) == (real, area.start, area.size):
                return f"/dev/{folder.parent.name}"
    return ""
