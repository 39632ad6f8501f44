# SPDX-License-Identifier: Apache-2.0
"""Chooses what to freeze: whole control groups where possible, single processes where not.

A group of the unified hierarchy is frozen whole when nobody in it or below it is spared: that is
atomic and covers what is started meanwhile. Processes that share a group with a spared one, and all
of them where there is no unified hierarchy, are stopped one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hostlift.host.mounts import mount_table
from hostlift.replicate.freezing.processes import Process, ProcessId, processes, spared

_NOT_RUNNING = frozenset("TtZXx")


@dataclass(frozen=True, slots=True)
class Writers:
    """What to hold still."""

    groups: tuple[Path, ...]
    processes: tuple[ProcessId, ...]


def unified_root() -> Path | None:
    """Where the unified control group hierarchy is mounted, if it is."""
    return next((Path(m.mount_point) for m in mount_table() if m.kind == "cgroup2"), None)


def writers(root: Path | None, *, us: int, proc: Path = Path("/proc")) -> Writers:
    """All that may write to the disks, but for what is spared.

    Args:
        root: The unified hierarchy, or the part of it to look at; None: all processes.
        us: Our own process number.
    """
    running = processes(proc)
    if root is None:
        kept = spared(running, us, ())
        return Writers((), _stoppable(running, set(running) - kept))
    tree = _read(root)
    users = _below(tree, "user.slice")
    kept = spared(running, us, users)
    groups: list[Path] = []
    single: set[int] = set()
    _choose(tree, kept, groups, single)
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
    group = _Group(path, members, freezable=(path / "cgroup.freeze").exists())
    group.below = [_read(child) for child in sorted(path.iterdir()) if child.is_dir()]
    return group


def _below(tree: _Group, name: str) -> set[int]:
    return set().union(*(c.everybody() for c in tree.below if c.path.name == name))


def _choose(group: _Group, kept: set[int], groups: list[Path], single: set[int]) -> None:
    everybody = group.everybody()
    if not everybody - kept:
        return
    if group.freezable and not everybody & kept:
        if not _frozen_already(group.path):
            groups.append(group.path)
        return
    single |= group.members
    for child in group.below:
        _choose(child, kept, groups, single)


def _frozen_already(path: Path) -> bool:
    """Frozen by somebody else, who will thaw it (a paused container)."""
    try:
        return (path / "cgroup.freeze").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return True


def _stoppable(running: dict[int, Process], wanted: set[int]) -> tuple[ProcessId, ...]:
    return tuple(
        running[pid].id
        for pid in sorted(wanted)
        if pid in running and not running[pid].kernel and running[pid].state not in _NOT_RUNNING
    )
