# SPDX-License-Identifier: Apache-2.0
"""Which file system of the source goes where: the decision that everything else follows from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hostlift.errors import CheckBlocked
from hostlift.model.machine import (
    Disk,
    FileSystem,
    LogicalVolume,
    Machine,
    Partition,
    VolumeGroup,
)
from hostlift.model.plan import TargetSubvolume
from hostlift.model.spots import Spot, spot, spots
from hostlift.plan import patterns
from hostlift.settings.user_config import DataDisk, Settings

SYSTEM_DISK = 0
MAKEABLE = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"})
"""File systems that the agent can make."""
_BOOT = ("/boot", "/boot/efi", "/efi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A volume of the target before it has a partition.

    Attributes:
        mount_point: Where the migrated system mounts it.
        disk: Index of the target disk.
        source: The file system it mirrors; None for a plain directory that becomes a disk.
        spot: Where that lies on the source.
        flat: A logical volume becomes a plain partition.
        subvolume: The btrfs subvolume that it is, without a slash first; else empty.
        subvolumes: All that are made on its file system.
        of: Mount point of the seat on whose file system it is a further subvolume; else empty.
        guests: Further file systems of the source that are merged into it.
        excludes: Patterns at the volume's root.
        wish: The user's entry of a data disk, and its position in the list.
    """

    mount_point: str
    disk: int
    source: FileSystem | None
    spot: Spot = field(default_factory=Spot)
    flat: bool = False
    subvolume: str = ""
    subvolumes: tuple[TargetSubvolume, ...] = ()
    of: str = ""
    guests: tuple[FileSystem, ...] = ()
    excludes: tuple[str, ...] = ()
    wish: DataDisk | None = None
    position: int = 0

    @property
    def partition(self) -> Partition | None:
        """The source's partition it lies on; None when there is none."""
        return self.spot.partition

    @property
    def source_disk(self) -> Disk | None:
        """The source's disk it lies on."""
        return self.spot.disk

    @property
    def group(self) -> VolumeGroup | None:
        """The LVM group it stays in."""
        return None if self.flat else self.spot.group

    @property
    def logical(self) -> LogicalVolume | None:
        """The logical volume it mirrors, unless it is flattened."""
        return None if self.flat else self.spot.logical

    @property
    def used(self) -> int:
        """Bytes that certainly go into it."""
        own = self.source.used if self.source and not (self._is_excluded or self.of) else 0
        return own + sum(g.used for g in self.guests)

    @property
    def used_inodes(self) -> int:
        """Objects that certainly go into it."""
        own = self.source.used_inodes if self.source and not (self._is_excluded or self.of) else 0
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
    decrypts: bool = False
    warnings: tuple[str, ...] = field(default=())

    def on(self, disk: int) -> tuple[Seat, ...]:
        """The volumes of one target disk that have a place of their own."""
        return tuple(s for s in self.seats if s.disk == disk and not s.of)


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
    system_disk = _system_disk(machine, root)
    listed = tuple(wish.src_path for wish in settings.data_disks)
    finder = _Finder(machine, settings, system_disk)
    seats = [
        finder.listed(i, wish, by_mount.get(wish.src_path))
        for i, wish in enumerate(settings.data_disks)
    ]
    seats.append(finder.seat(root, SYSTEM_DISK))
    _demand_apart(seats)
    loose: list[FileSystem] = []
    rest = [fs for path, fs in sorted(by_mount.items()) if path != "/" and path not in listed]
    for fs in rest:
        disk = finder.home(fs, seats)
        if disk is None:
            loose.append(fs)
        else:
            seats.append(finder.beside(fs, disk, seats))
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
        root=merged[0],
        seats=tuple(merged),
        system_disk=system_disk,
        decrypts=settings.luks == "plain",
        warnings=tuple(warnings),
    )


def swap_files(machine: Machine) -> tuple[str, ...]:
    """Paths of swap files in use: their content is of this boot only."""
    return tuple(s.device for s in machine.swaps if not s.device.startswith("/dev/"))


def _demand_apart(seats: Sequence[Seat]) -> None:
    """No file system, with its one identity, can be made on two disks."""
    first: dict[str, Seat] = {}
    for seat in reversed(seats):
        if seat.source is not None:
            other = first.setdefault(seat.source.device, seat)
            if other is not seat:
                raise _shared(seat, other)


def _system_disk(machine: Machine, root: FileSystem) -> Disk:
    """The disk the root lies on; of several the one that also holds what is started from."""
    disks = [s.disk for s in spots(machine, root.device) if s.disk is not None]
    if not disks:
        raise CheckBlocked(
            f"/ lies on {root.device}, and on which disk that lies is not known",
            subject="/",
            hint="Report this machine with 'hostlift check --json'.",
        )
    boot = [fs for fs in machine.file_systems if fs.mount_point in _BOOT]
    starting = [s.disk for fs in boot for s in spots(machine, fs.device)]
    order = [d.device for d in machine.disks]
    return min(disks, key=lambda d: (d not in starting, order.index(d.device)))


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds the place of one file system at a time."""

    machine: Machine
    settings: Settings
    system_disk: Disk

    def seat(self, fs: FileSystem, disk: int) -> Seat:
        """A seat that mirrors a file system.

        Raises:
            CheckBlocked: It is encrypted, and nobody said that it may be stored as it is read.
        """
        found = spot(self.machine, fs.device, self.system_disk if disk == SYSTEM_DISK else None)
        self._demand_consent(fs, found)
        return Seat(
            mount_point=fs.mount_point,
            disk=disk,
            source=fs,
            spot=found,
            flat=self.settings.flatten_lvm,
            subvolume=fs.subvolume.strip("/"),
        )

    def listed(self, position: int, wish: DataDisk, fs: FileSystem | None) -> Seat:
        """The seat of an entry of ``data_disks``."""
        plain = Seat(mount_point=wish.src_path, disk=wish.data_disk_index, source=None)
        made = self.seat(fs, wish.data_disk_index) if fs else plain
        return replace(made, wish=wish, position=position)

    def home(self, fs: FileSystem, seats: Sequence[Seat]) -> int | None:
        """The target disk of a file system that nobody listed; None: it is merged into another.

        Raises:
            CheckBlocked: It is encrypted, or lies nowhere, or is a logical volume of a group that
                has no disk on the target.
        """
        same = next((s for s in seats if s.source and s.source.device == fs.device), None)
        if same is not None:
            return same.disk
        found = spots(self.machine, fs.device)
        if not found:
            raise _nowhere(fs)
        self._demand_consent(fs, found[0])
        here = any(s.disk and s.disk.device == self.system_disk.device for s in found)
        whole = spot(self.machine, self._root().device, self.system_disk).partition is None
        if here and not whole:
            return SYSTEM_DISK
        group = found[0].group
        if group is None or self.settings.flatten_lvm:
            return None
        kin = [s.disk for s in seats if s.group is not None and s.group.uuid == group.uuid]
        if not kin:
            raise _homeless(fs, group)
        return min(kin)

    def beside(self, fs: FileSystem, disk: int, seats: Sequence[Seat]) -> Seat:
        """A seat on a disk, by itself or as a further subvolume of one that is there."""
        made = self.seat(fs, disk)
        first = next((s for s in seats if s.source and s.source.device == fs.device), None)
        return made if first is None else replace(made, of=first.of or first.mount_point)

    def _demand_consent(self, fs: FileSystem, found: Spot) -> None:
        if found.is_encrypted and self.settings.luks != "plain":
            raise encrypted(fs.mount_point, fs.device)

    def _root(self) -> FileSystem:
        return next(fs for fs in self.machine.file_systems if fs.mount_point == "/")


def encrypted(mount_point: str, device: str) -> CheckBlocked:
    """The refusal to store unencrypted what is encrypted, without a word of the user."""
    return CheckBlocked(
        f"{mount_point} lies on the encrypted device {device}; its copy would be stored as it is"
        " read: unencrypted",
        subject=mount_point,
        hint='Set luks to "plain" when that is what you want (ECS can encrypt whole disks below it);'
        f" or unmount {mount_point}, then it stays behind.",
    )


def _nowhere(fs: FileSystem) -> CheckBlocked:
    return CheckBlocked(
        f"{fs.mount_point} lies on {fs.device}, and on which disk that lies is not known",
        subject=fs.mount_point,
        hint=f"List {fs.mount_point} in data_disks: it becomes a disk of its own; or unmount it,"
        " then it stays behind.",
    )


def _shared(seat: Seat, other: Seat) -> CheckBlocked:
    return CheckBlocked(
        f"{seat.mount_point} is a subvolume of the btrfs of {other.mount_point}: it cannot become a"
        " disk of its own",
        subject=f"data_disks[{seat.position}].src_path",
        hint=f"Remove {seat.mount_point} from data_disks: it goes where {other.mount_point} goes.",
    )


def _homeless(fs: FileSystem, group: VolumeGroup) -> CheckBlocked:
    return CheckBlocked(
        f"{fs.mount_point} is a logical volume of the group {group.name}, which lies on another"
        " disk than the system; LVM is not flattened without asking",
        subject=fs.mount_point,
        hint=f"List {fs.mount_point}, or another volume of {group.name}, in data_disks: the group"
        " moves to that disk. Or set flatten_lvm to true: it becomes a directory of the volume"
        " above it.",
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
    counted: set[str] = set()
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
        # Each subvolume of a btrfs tells what all of them use together.
        again = fs.device in counted
        guests[host.mount_point].append(replace(fs, used=0, used_inodes=0) if again else fs)
        counted.add(fs.device)
    return [replace(s, guests=tuple(guests[s.mount_point])) for s in seats], warnings


def is_within(path: str, folder: str) -> bool:
    """True when ``path`` is ``folder`` or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def relative(path: str, folder: str) -> str:
    """``path`` seen from ``folder``, still starting with a slash."""
    return path[len(folder.rstrip("/")) :] or "/"
