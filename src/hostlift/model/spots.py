# SPDX-License-Identifier: Apache-2.0
"""Where a device of the source lies, seen through everything that is stacked on disks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostlift.model.machine import (
    Disk,
    LogicalVolume,
    Machine,
    Partition,
    Stacked,
    StackKind,
    VolumeGroup,
)

_DEEPEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The partition (or whole disk) that a device lies on.

    Attributes:
        disk: None: it lies on no disk that we know.
        group: The volume group it is a part of, with
        logical: the volume that it is.
        through: What lies between, from top to bottom.
        size: Of the device; 0: not known.
    """

    disk: Disk | None = None
    partition: Partition | None = None
    group: VolumeGroup | None = None
    logical: LogicalVolume | None = None
    through: tuple[Stacked, ...] = ()
    size: int = 0

    @property
    def is_encrypted(self) -> bool:
        """True when a key opened it on the source."""
        return any(s.kind is StackKind.LUKS for s in self.through)


def spots(machine: Machine, device: str) -> tuple[Spot, ...]:
    """Every place a device lies on: one for plain ones, several for arrays and groups."""
    return tuple(_below(machine, device, Spot(), _DEEPEST))


def spot(machine: Machine, device: str, prefer: Disk | None = None) -> Spot:
    """The one of them that the target mirrors: on ``prefer``, else on the first disk there is."""
    found = spots(machine, device)
    order = [d.device for d in machine.disks]

    def rank(s: Spot) -> tuple[bool, int]:
        other = prefer is None or s.disk is None or s.disk.device != prefer.device
        return other, order.index(s.disk.device) if s.disk else len(order)

    return min(found, key=rank, default=Spot())


def _below(machine: Machine, device: str, above: Spot, deep: int) -> Iterator[Spot]:
    for disk in machine.disks:
        if disk.device == device:
            yield _at(above, disk, None)
            return
        for partition in disk.partitions:
            if partition.device == device:
                yield _at(above, disk, partition)
                return
    layer = next((s for s in machine.stacked if s.device == device), None)
    group, logical = _logical(machine, device)
    beneath = layer.beneath if layer else ()
    if group is not None:
        beneath = tuple(p.device for p in group.physical if p.device) or beneath
    here = Spot(
        group=above.group or group,
        logical=above.logical or logical,
        through=(*above.through, *((layer,) if layer else ())),
        size=above.size or (logical.size if logical else layer.size if layer else 0),
    )
    for lower in beneath if deep else ():
        yield from _below(machine, lower, here, deep - 1)


def _at(above: Spot, disk: Disk, partition: Partition | None) -> Spot:
    return Spot(
        disk=disk,
        partition=partition,
        group=above.group,
        logical=above.logical,
        through=above.through,
        size=above.size or (partition.size if partition else disk.size),
    )


def _logical(machine: Machine, device: str) -> tuple[VolumeGroup | None, LogicalVolume | None]:
    for group in machine.groups:
        for logical in group.logical:
            if logical.device == device:
                return group, logical
    return None, None
