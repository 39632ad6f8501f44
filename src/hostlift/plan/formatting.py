# SPDX-License-Identifier: Apache-2.0
"""What file system an area gets: the source's, with its identity and features."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from hostlift.model.machine import FileSystem
from hostlift.model.plan import Area
from hostlift.plan.layout import MIB, align
from hostlift.plan.placing import Seat

_MARGIN_SHARE = 10
_LEAST_MARGIN = 512 * MIB
AnyArea = TypeVar("AnyArea", bound=Area)


def room_for(used: int) -> int:
    """Bytes of partition that certainly hold ``used`` bytes of files and leave air to breathe."""
    return align(used + max(used // _MARGIN_SHARE, _LEAST_MARGIN))


def formatted(base: AnyArea, fs: FileSystem, *, mount_point: str, inodes: int) -> AnyArea:
    """An area with a file system (or swap area) like ``fs``."""
    return replace(
        base,
        file_system=fs.kind,
        fs_uuid=fs.uuid,
        fs_label=fs.label,
        fs_features=fs.features,
        fs_inode_size=fs.inode_size,
        fs_inodes=inodes,
        mount_point=mount_point,
    )


def formatted_for(seat: Seat, base: AnyArea, was: int) -> AnyArea:
    """An area that mirrors the file system of a seat, which had ``was`` bytes."""
    if seat.source is None:
        return base
    count = inodes(seat, base.size, was)
    made = formatted(base, seat.source, mount_point=seat.mount_point, inodes=count)
    return replace(made, subvolumes=seat.subvolumes)


def inodes(seat: Seat, size: int, was: int) -> int:
    """Inodes to make on ext: as dense as on the source, and enough for all that is copied.

    Other file systems make them as they go: 0.
    """
    source = seat.source
    if source is None or not source.kind.startswith("ext") or not source.inodes:
        return 0
    dense = source.inodes * size // was if was else source.inodes
    return max(dense, seat.used_inodes * 6 // 5)
