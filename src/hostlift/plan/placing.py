# SPDX-License-Identifier: Apache-2.0
"""Which file system of the source goes where: the decision that everything else follows from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hostlift.errors import CheckBlocked
from hostlift.model.machine import Disk, FileSystem, Machine, Partition
from hostlift.plan import patterns
from hostlift.settings.user_config import DataDisk, Settings

SYSTEM_DISK = 0
MAKEABLE = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"})
"""File systems that the agent can make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A volume of the target before it has a partition.

    Attributes:
        mount_point: Where the migrated system mounts it.
        disk: Index of the target disk.
        source: The file system it mirrors; None for a plain directory that becomes a disk.
        partition: The source's partition it mirrors; None when there is none.
        guests: Further file systems of the source that are merged into it.
        excludes: Patterns at the volume's root.
        wish: The user's entry of a data disk, and its position in the list.
    """

    mount_point: str
    disk: int
    source: FileSystem | None
    partition: Partition | None = None
    source_disk: Disk | None = None
    guests: tuple[FileSystem, ...] = ()
    excludes: tuple[str, ...] = ()
    wish: DataDisk | None = None
    position: int = 0

    @property
    def used(self) -> int:
        """Bytes that certainly go into it."""
        own = self.source.used if self.source and not self._is_excluded else 0
        return own + sum(g.used for g in self.guests)

    @property
    def used_inodes(self) -> int:
        """Objects that certainly go into it."""
        own = self.source.used_inodes if self.source and not self._is_excluded else 0
        return own + sum(g.used_inodes for g in self.guests)

    @property
    def _is_excluded(self) -> bool:
        return patterns.EVERYTHING in self.excludes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """All volumes of the target, the system disk's source, and what to tell the user."""

    root: Seat
    seats: tuple[Seat, ...]
    system_disk: Disk
    warnings: tuple[str, ...] = field(default=())

    def on(self, disk: int) -> tuple[Seat, ...]:
        """The volumes of one target disk."""
        return tuple(s for s in self.seats if s.disk == disk)


def seat(
    machine: Machine,
    settings: Settings,
    excludes: Mapping[int, tuple[str, ...]],
    private: tuple[str, ...],
) -> Seating:
    """Give every local file system of the source its place.

    Raises:
        CheckBlocked: The source's storage cannot be mirrored as it is; the hint names choices.
    """
    by_mount = {fs.mount_point: fs for fs in machine.file_systems}
    root = by_mount.get("/")
    if root is None:
        raise CheckBlocked(
            "the root file system is not on a local disk",
            subject="/",
            hint="Containers and network-booted systems cannot be migrated; run hostlift on the"
            " server itself, as root.",
        )
    system_disk, root_partition = _whereabouts(machine, root)
    if system_disk is None:
        raise stacked(root)
    listed = tuple(wish.src_path for wish in settings.data_disks)
    seats = [_listed_seat(machine, i, w, by_mount) for i, w in enumerate(settings.data_disks)]
    seats.append(_seat_of(machine, root, SYSTEM_DISK))
    others = [fs for path, fs in by_mount.items() if path != "/" and path not in listed]
    loose: list[FileSystem] = []
    for fs in others:
        disk, _ = _whereabouts(machine, fs)
        same = disk is not None and disk.device == system_disk.device
        if same and root_partition is not None and fs.device != root.device:
            seats.append(_seat_of(machine, fs, SYSTEM_DISK))
        elif disk is None:
            raise stacked(fs)
        else:
            loose.append(fs)
    never = (*private, *swap_files(machine))
    ruled = [_with_excludes(s, listed, by_mount, excludes, never) for s in seats]
    merged, warnings = _merge(ruled, loose)
    warnings += [
        f"{s.mount_point} is a file system of its own, but an exclude pattern names it:"
        " it will be there, and empty"
        for s in merged
        if patterns.EVERYTHING in s.excludes
    ]
    merged.sort(key=lambda s: (s.mount_point != "/", s.mount_point))
    return Seating(
        root=merged[0], seats=tuple(merged), system_disk=system_disk, warnings=tuple(warnings)
    )


def swap_files(machine: Machine) -> tuple[str, ...]:
    """Paths of swap files in use: their content is of this boot only."""
    return tuple(s.device for s in machine.swaps if not s.device.startswith("/dev/"))


def _seat_of(machine: Machine, fs: FileSystem, disk: int) -> Seat:
    source_disk, partition = _whereabouts(machine, fs)
    return Seat(
        mount_point=fs.mount_point,
        disk=disk,
        source=fs,
        partition=partition,
        source_disk=source_disk,
    )


def _listed_seat(
    machine: Machine, position: int, wish: DataDisk, by_mount: Mapping[str, FileSystem]
) -> Seat:
    fs = by_mount.get(wish.src_path)
    disk, partition = _whereabouts(machine, fs) if fs else (None, None)
    return Seat(
        mount_point=wish.src_path,
        disk=wish.data_disk_index,
        source=fs,
        partition=partition,
        source_disk=disk,
        wish=wish,
        position=position,
    )


def _whereabouts(machine: Machine, fs: FileSystem) -> tuple[Disk | None, Partition | None]:
    for disk in machine.disks:
        if disk.device == fs.device:
            return disk, None
        for partition in disk.partitions:
            if partition.device == fs.device:
                return disk, partition
    return None, None


def stacked(fs: FileSystem) -> CheckBlocked:
    """The refusal of a file system that does not lie on a plain partition."""
    choice = (
        "Migrate after moving the root file system to a plain partition."
        if fs.mount_point == "/"
        else f"List {fs.mount_point} in data_disks: it becomes a plain disk of its own; or unmount"
        " it, then it stays behind."
    )
    return CheckBlocked(
        f"{fs.mount_point} lies on {fs.device} (LVM, RAID or encryption), which is not flattened"
        " without asking",
        subject=fs.mount_point,
        hint=choice,
    )


def _with_excludes(
    seat: Seat,
    listed: Iterable[str],
    by_mount: Mapping[str, FileSystem],
    excludes: Mapping[int, tuple[str, ...]],
    never: tuple[str, ...],
) -> Seat:
    """The disk's own patterns, seen from the volume; directories that became disks left out."""
    at = seat.mount_point
    own = excludes.get(seat.disk, ())
    if seat.disk == SYSTEM_DISK:
        own = patterns.rebase(own, at)
    # A listed directory is copied to its own disk: only the empty mount point stays here.
    below = [p for p in listed if p not in by_mount and p != at and is_within(p, at)]
    moved = [f"{patterns.escape(p)}/*" for p in below]
    # Secrets and state never travel, so these win over the user's includes.
    first = patterns.rebase((*never, *moved), at)
    return replace(seat, excludes=tuple(dict.fromkeys((*first, *own))))


def _merge(seats: list[Seat], loose: list[FileSystem]) -> tuple[list[Seat], list[str]]:
    """Put each remaining file system into the volume above it, as the original tool did."""
    warnings: list[str] = []
    guests: dict[str, list[FileSystem]] = {s.mount_point: [] for s in seats}
    for fs in sorted(loose, key=lambda f: f.mount_point):
        host = max(
            (s for s in seats if is_within(fs.mount_point, s.mount_point)),
            key=lambda s: len(s.mount_point),
        )
        inner = relative(fs.mount_point, host.mount_point)
        pattern = patterns.excluded(host.excludes, inner)
        if pattern:
            warnings.append(
                f"{fs.mount_point} ({fs.device}) is not copied: the exclude pattern {pattern}"
                " names it; remove the pattern or list it in data_disks to keep it"
            )
            continue
        warnings.append(
            f"{fs.mount_point} ({fs.device}) becomes a directory of {host.mount_point}: it is not"
            " listed in data_disks; its line in fstab no longer applies"
        )
        guests[host.mount_point].append(fs)
    return [replace(s, guests=tuple(guests[s.mount_point])) for s in seats], warnings


def is_within(path: str, folder: str) -> bool:
    """True when ``path`` is ``folder`` or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def relative(path: str, folder: str) -> str:
    """``path`` seen from ``folder``, still starting with a slash."""
    return path[len(folder.rstrip("/")) :] or "/"
