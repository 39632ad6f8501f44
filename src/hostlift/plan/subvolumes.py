# SPDX-License-Identifier: Apache-2.0
"""Btrfs subvolumes: which are made again, and what of them belongs to which volume.

Each mounted subvolume is a volume of its own. One that nobody mounts is made again too and comes with
the volume it is seen in; a snapshot is left out, for its files would be there a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from hostlift.model.machine import FileSystem, Subvolume
from hostlift.model.plan import TargetSubvolume
from hostlift.plan import patterns
from hostlift.plan.placing import Seat


@dataclass(slots=True)
class _Fate:
    """What becomes of one file system's subvolumes.

    Attributes:
        made: Paths to make again.
        inside: Path below the top of each mounted one -> places in it that are not its own.
    """

    made: set[str] = field(default_factory=set)
    inside: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def with_all(seats: Sequence[Seat]) -> tuple[list[Seat], list[str]]:
    """The seats, each knowing what is made and left out for it, and what to tell the user."""
    found: list[Seat] = []
    warnings: list[str] = []
    fates = {s.mount_point: _fate(s, seats) for s in seats if _is_first(s)}
    for seat in seats:
        fate = fates.get(seat.of or seat.mount_point)
        if fate is None or seat.source is None:
            found.append(seat)
            continue
        apart = [f"/{patterns.escape(p)}/*" for p in fate.inside.get(seat.subvolume, ())]
        made = () if seat.of else tuple(_targets(seat.source, fate.made))
        excludes = tuple(dict.fromkeys((*apart, *seat.excludes)))
        found.append(replace(seat, excludes=excludes, subvolumes=made))
        warnings += () if seat.of else fate.warnings
    return found, warnings


def _is_first(seat: Seat) -> bool:
    return seat.source is not None and seat.source.kind == "btrfs" and not seat.of


def _fate(first: Seat, seats: Sequence[Seat]) -> _Fate:
    mounted = {s.subvolume for s in seats if s is first or s.of == first.mount_point}
    fate = _Fate(made={m for m in mounted if m})
    gone: list[str] = []
    for subvolume in first.source.subvolumes if first.source else ():
        path = subvolume.path
        above = [m for m in mounted if _is_below(path, m)]
        inner = path[len(max(above, key=len)) :].strip("/") if above else ""
        if path in mounted:
            if inner:
                fate.inside.setdefault(max(above, key=len), []).append(inner)
        elif any(_is_below(m, path) for m in mounted):
            fate.made.add(path)  # what is mounted lies in it
        elif any(_is_below(path, g) for g in gone):
            continue
        elif reason := _reason(subvolume, above):
            gone.append(path)
            fate.warnings.append(
                f"the btrfs subvolume {path} of {first.mount_point} is left out: {reason}"
            )
            if inner:
                fate.inside.setdefault(max(above, key=len), []).append(inner)
        else:
            fate.made.add(path)
    return fate


def _reason(subvolume: Subvolume, above: Sequence[str]) -> str:
    if subvolume.snapshot or subvolume.read_only:
        return "it is a snapshot"
    return "" if above else "it is not mounted"


def _is_below(path: str, folder: str) -> bool:
    return path != folder and (not folder or path.startswith(folder + "/"))


def _targets(source: FileSystem, made: set[str]) -> Iterator[TargetSubvolume]:
    known = {s.path: s for s in source.subvolumes}
    for path in sorted(made, key=lambda p: (p.count("/"), p)):
        yield TargetSubvolume(path=path, default=path in known and known[path].default)
