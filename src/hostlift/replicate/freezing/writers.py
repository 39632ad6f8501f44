# SPDX-License-Identifier: Apache-2.0
"""Chooses what to freeze: whole control groups where possible, single processes where not.

A group is frozen whole when nobody in it or below it is spared: that is atomic and covers what is
started meanwhile. The unified hierarchy comes first (every service has a group there), then the
older freezer (containers have). Who shares his group with a spared process is stopped alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hostlift.host.mounts import mount_table
from hostlift.replicate.freezing.hold import freezable, thawed
from hostlift.replicate.freezing.processes import (
    Process,
    ProcessId,
    file_servers,
    processes,
    spared,
)

_NOT_RUNNING = frozenset("TtZXx")


@dataclass(frozen=True, slots=True)
class Writers:
    """What to hold still."""

    groups: tuple[Path, ...]
    processes: tuple[ProcessId, ...]


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Where control groups are: mount points, or the parts below them that are to be looked at.

    Attributes:
        unified: Of the unified hierarchy; None where there is none: all processes are looked at.
        freezer: Of the older freezer.
        served: Some mounted file system is a program, which must not be stopped.
    """

    unified: Path | None
    freezer: Path | None = None
    served: bool = False


def hierarchies(table: str = "/proc/self/mountinfo") -> Hierarchies:
    """The control groups of this machine."""
    mounts = mount_table(table)
    unified = (m for m in mounts if m.kind == "cgroup2")
    freezer = (m for m in mounts if m.kind == "cgroup" and "freezer" in m.super_options)
    return Hierarchies(
        next((Path(m.mount_point) for m in unified), None),
        next((Path(m.mount_point) for m in freezer), None),
        any(m.kind.partition(".")[0] in {"fuse", "fuseblk"} for m in mounts),
    )


def writers(where: Hierarchies, *, us: int, proc: Path = Path("/proc")) -> Writers:
    """All that may write to the disks, but for what is spared.

    Args:
        us: Our own process number.
    """
    running = processes(proc)
    servers = file_servers(proc, running) if where.served else set()
    groups: list[Path] = []
    if where.unified is None:
        kept = spared(running, us, ()) | servers
        single = set(running) - kept
    else:
        tree = _read(where.unified)
        kept = spared(running, us, _below(tree, "user.slice")) | servers
        single = set()
        _choose(tree, kept, groups, single)
    if where.freezer is not None:
        single = _whole_groups(_read(where.freezer), kept, groups, single - kept)
    return Writers(tuple(groups), _stoppable(running, single - kept))


@dataclass(slots=True)
class _Group:
    path: Path
    members: set[int]
    freezable: bool
    below: list[_Group] = field(default_factory=list)

    def everybody(self) -> set[int]:
        return self.members.union(*(child.everybody() for child in self.below))


def _read(path: Path) -> _Group:
    try:
        members = {int(p) for p in (path / "cgroup.procs").read_text(encoding="ascii").split()}
    except OSError:  # a threaded group: its members show in the group above
        members = set()
    group = _Group(path, members, freezable=freezable(path))
    try:
        group.below = [_read(child) for child in sorted(path.iterdir()) if child.is_dir()]
    except OSError:  # a service that has just ended
        group.below = []
    return group


def _below(tree: _Group, name: str) -> set[int]:
    return set().union(*(c.everybody() for c in tree.below if c.path.name == name))


def _choose(group: _Group, kept: set[int], groups: list[Path], single: set[int]) -> None:
    everybody = group.everybody()
    if not everybody - kept:
        return
    if group.freezable and not everybody & kept:
        if thawed(group.path):  # else somebody else has frozen it, and will thaw it
            groups.append(group.path)
        return
    single |= group.members
    for child in group.below:
        _choose(child, kept, groups, single)


def _whole_groups(group: _Group, kept: set[int], groups: list[Path], single: set[int]) -> set[int]:
    """Add the freezer's groups that hold some of ``single``; what remains of these."""
    everybody = group.everybody()
    if not everybody & single:
        return single
    if group.freezable and not everybody & kept:
        if thawed(group.path):
            groups.append(group.path)
        return single - everybody
    for child in group.below:
        single = _whole_groups(child, kept, groups, single)
    return single


def _stoppable(running: dict[int, Process], wanted: set[int]) -> tuple[ProcessId, ...]:
    return tuple(
        running[pid].id
        for pid in sorted(wanted)
        if pid in running and not running[pid].kernel and running[pid].state not in _NOT_RUNNING
    )
