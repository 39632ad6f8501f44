# SPDX-License-Identifier: Apache-2.0
"""What the agent remembers of its target disks over a restart."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from blake3 import blake3
from pydantic import TypeAdapter, ValidationError

from hostlift.errors import StateError
from hostlift.host.files import atomic_write
from hostlift.remote.messages import PrepareOrder

if TYPE_CHECKING:
    from pathlib import Path

    from hostlift.model.plan import Area, TargetDisk, TargetPartition


class Phase(StrEnum):
    """``BEGUN``: the disks are ours and may be half made. ``COMPLETE``: they carry the layout."""

    BEGUN = "begun"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """The layout that was ordered and how far it is.

    Attributes:
        generations: Random id of each volume's file system, by volume.
    """

    phase: Phase
    order: PrepareOrder
    generations: dict[str, str]

    def completed(self) -> TargetState:
        """The same, all made."""
        return replace(self, phase=Phase.COMPLETE)


_STATE = TypeAdapter(TargetState)
_ORDER = TypeAdapter(PrepareOrder)


def new_state(order: PrepareOrder) -> TargetState:
    """The state to save before the first write to a disk."""
    generations = {volume.id: secrets.token_hex(16) for volume in order.volumes}
    return TargetState(phase=Phase.BEGUN, order=order, generations=generations)


def load(file: Path) -> TargetState | None:
    """What was saved; None when nothing was.

    Raises:
        StateError: The file is damaged.
    """
    try:
        return _STATE.validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise StateError("not a state of target disks", subject=str(file)) from error


def save(file: Path, state: TargetState) -> None:
    """Keep ``state`` over a power cut."""
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, _STATE.dump_json(state, indent=1))


def is_growth(old: PrepareOrder, new: PrepareOrder) -> bool:
    """True when an order is another one with longer disks, and nothing else."""
    pairs = list(zip(old.disks, new.disks, strict=False))
    alike = fingerprint(_without_sizes(old)) == fingerprint(_without_sizes(new))
    return alike and all(
        a.size <= b.size for x, y in pairs for a, b in zip(_areas(x), _areas(y), strict=True)
    )


def _areas(disk: TargetDisk) -> list[Area]:
    return [a for p in disk.partitions for a in (p, *p.areas)]


def _without_sizes(order: PrepareOrder) -> PrepareOrder:
    return replace(order, disks=tuple(_bare(d) for d in order.disks))


def _bare(disk: TargetDisk) -> TargetDisk:
    def bare(partition: TargetPartition) -> TargetPartition:
        made = partition.physical
        if made is not None:
            made = replace(made, volumes=tuple(replace(v, size=0) for v in made.volumes))
        return replace(partition, size=0, physical=made)

    return replace(disk, size_gib=0, partitions=tuple(bare(p) for p in disk.partitions))


def fingerprint(order: PrepareOrder) -> str:
    """A hash of what decides the content of the disks; what is copied onto them does not."""
    bare = replace(order, volumes=tuple(replace(v, trees=(), excludes=()) for v in order.volumes))
    return blake3(_ORDER.dump_json(bare)).hexdigest()
