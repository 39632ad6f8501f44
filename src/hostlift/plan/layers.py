# SPDX-License-Identifier: Apache-2.0
"""What lay between file systems and disks and is not made again: arrays, containers, paths."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.model.machine import Machine, Stacked, StackKind
from hostlift.model.spots import spot
from hostlift.plan.placing import Seating


def changes(machine: Machine, seating: Seating) -> Iterator[str]:
    """What of it goes, for a person."""
    crossed = [(layer, s.flat) for s in seating.seats for layer in s.spot.through]
    yield from dict.fromkeys(words for layer, flat in crossed if (words := _words(layer, flat)))
    for swap in machine.swaps:
        if spot(machine, swap.device).is_encrypted and not seating.decrypts:
            yield f"the encrypted swap area {swap.device} is left out"


def _words(layer: Stacked, flat: bool) -> str:
    match layer.kind:
        case StackKind.ARRAY:
            return (
                f"the array {layer.device} ({layer.level}) becomes a plain partition: a disk of ECS"
                " is kept in several copies already"
            )
        case StackKind.LUKS:
            return f"{layer.device} is stored unencrypted on the target, as luks says"
        case StackKind.LVM:
            return f"the logical volume {layer.device} becomes a plain partition" if flat else ""
        case _:
            return ""
