# SPDX-License-Identifier: Apache-2.0
"""Btrfs subvolumes: each that can be reached becomes a volume of its own on the same file system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hostlift.model.machine import FileSystem, Subvolume
from hostlift.model.plan import TargetSubvolume
from hostlift.plan import patterns
from hostlift.plan.placing import Seat


def with_all(seats: Sequence[Seat]) -> tuple[list[Seat], list[str]]:
    """The seats with further ones for subvolumes that nobody mounts, and what to tell the user."""
    found, warnings = list(seats), []
    for first in seats:
        if first.source is None or first.source.kind != "btrfs" or first.of:
            continue
        mounted = [s for s in seats if s is first or s.of == first.mount_point]
        for subvolume in first.source.subvolumes:
            made, told = _one(subvolume, first, mounted)
            found += [made] if made else []
            warnings += [told] if told else []
    return [_with_made(s, found) for s in found], warnings


def _one(subvolume: Subvolume, first: Seat, mounted: Sequence[Seat]) -> tuple[Seat | None, str]:
    """A seat for a subvolume, or the reason why there is none; neither for one that is mounted."""
    paths = {s.subvolume for s in mounted}
    if subvolume.path in paths or any(p.startswith(subvolume.path + "/") for p in paths):
        return None, ""
    name = f"the btrfs subvolume {subvolume.path} of {first.mount_point}"
    if subvolume.snapshot or subvolume.read_only:
        return None, f"{name} is a snapshot: it is left out"
    above = [s for s in mounted if not s.subvolume or subvolume.path.startswith(s.subvolume + "/")]
    if not above:
        return None, f"{name} is left out: it is not mounted"
    parent = max(above, key=lambda s: len(s.subvolume))
    inner = subvolume.path[len(parent.subvolume) :].strip("/")
    place = f"{parent.mount_point.rstrip('/')}/{inner}"
    own = replace(
        parent,
        mount_point=place,
        subvolume=subvolume.path,
        of=first.mount_point,
        guests=(),
        wish=None,
        excludes=patterns.rebase(parent.excludes, f"/{inner}"),
    )
    return own, ""


def _with_made(seat: Seat, seats: Sequence[Seat]) -> Seat:
    """A seat that has a file system of its own knows which subvolumes are made on it."""
    if seat.of or seat.source is None:
        return seat
    needed = [s.subvolume for s in seats if s is seat or s.of == seat.mount_point]
    return replace(seat, subvolumes=tuple(_made(seat.source, [n for n in needed if n])))


def _made(source: FileSystem, needed: Sequence[str]) -> Iterator[TargetSubvolume]:
    known = {s.path: s for s in source.subvolumes}
    parents = {p for p in known for n in needed if n.startswith(p + "/")}
    for path in sorted({*needed, *parents}, key=lambda p: (p.count("/"), p)):
        yield TargetSubvolume(path=path, default=path in known and known[path].default)
