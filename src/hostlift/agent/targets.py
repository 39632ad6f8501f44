# SPDX-License-Identifier: Apache-2.0
"""The target disks: made once, mounted while the copy runs, sealed before they are captured.

Promises: a disk is written only when it is blank or when our own state says that we began to make
it; that state reaches the disk before the first write, and says *complete* only after the last.
So a crash at any instruction is mended by the next `prepare`, and a finished layout is kept.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hostlift.agent.targetstate import (
    Phase,
    TargetState,
    fingerprint,
    is_growth,
    load,
    new_state,
    save,
)
from hostlift.errors import HostError
from hostlift.host.areas import area_node, is_area_in_use, make_area, make_groups
from hostlift.host.beneath import open_folder
from hostlift.host.blockdev import by_serial, flush, is_blank, locked
from hostlift.host.clock import SystemClock
from hostlift.host.disks import check_file_system, make_table, show_partitions
from hostlift.host.growing import grow_file_system, grow_table, wait_for_size
from hostlift.host.mounts import bind_mount, mount, mount_table, unmount
from hostlift.model.plan import nested
from hostlift.remote.messages import Prepared, PrepareOrder, Sealed, VolumeReady
from hostlift.replicate.receiving.journals import recover

if TYPE_CHECKING:
    from hostlift.model.plan import Area, TargetDisk, Volume
    from hostlift.ports.clock import Clock
    from hostlift.ports.commands import Commands

Progress = Callable[[str, int, int], None]
"""Label, steps done, steps in all."""

_DISK_TIMEOUT = 120.0
_UNMOUNT_TIMEOUT = 30.0
_MAKER = "hostlift"
"""Where LVM's metadata says that a group was made."""
_SAFE = ("noatime", "nodev", "nosuid")
_OWN_OPTIONS = {
    "ext4": ("noinit_itable",),  # the guest finishes them; zeros would only swell the image
    "xfs": ("nouuid",),  # the source may be mounted here too, when both share a kernel
}


class Targets:
    """The target disks of one migration.

    Args:
        state: Folder of ours that survives a restart of the agent.
        commands: Runs sfdisk, mkfs and the checkers.
        by_id: Where disks are found by serial.
        mount_root: Folder below which volumes are mounted.
        clock: To wait by.
    """

    def __init__(
        self,
        state: Path,
        commands: Commands,
        *,
        by_id: Path = Path("/dev/disk/by-id"),
        mount_root: Path,
        clock: Clock | None = None,
    ) -> None:
        self._file = state / "targets.json"
        self._commands = commands
        self._by_id = by_id
        self._mount_root = mount_root
        self._assembly = mount_root / "assembled"
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()

    def prepare(self, order: PrepareOrder, progress: Progress) -> Prepared:
        """Make the disks as ordered and mount their volumes; what is made already is kept.

        Disks that carry the same layout but shorter are made longer, with what they hold.

        Raises:
            HostError: A disk is missing, is not blank, or carries another layout of ours.
        """
        with self._lock:
            state = load(self._file)
            if state is None or state.phase is not Phase.COMPLETE:
                self._make(order, state, progress)
            elif fingerprint(state.order) != fingerprint(order) and is_growth(state.order, order):
                self._grow(state, order, progress)
            else:
                _require_same(state.order, order)
            paths = self.volumes()
            return Prepared(volumes=tuple(self._ready(v, p) for v, p in paths.items()))

    def volumes(self) -> Mapping[str, Path]:
        """Where each volume is mounted, after mounting those that are not.

        Raises:
            HostError: Nothing was prepared yet, or a mount failed.
        """
        with self._lock:
            state = self._complete_state()
            mounted_now = {m.mount_point for m in mount_table()}
            devices: dict[int, str] = {}
            for volume in state.order.volumes:
                if str(self._place(volume)) not in mounted_now:
                    disk = _disk(state.order, volume.disk)
                    if disk.index not in devices:
                        devices[disk.index] = self._shown(state.order, disk)
                    self._mount(devices[disk.index], disk.area(volume), volume)
            return {v.id: self._place(v) for v in state.order.volumes}

    def devices(self) -> Mapping[int, str]:
        """The device node of each target disk by index.

        Raises:
            HostError: Nothing was prepared yet, or a disk is missing.
        """
        with self._lock:
            order = self._complete_state().order
            return {disk.index: self._shown(order, disk) for disk in order.disks}

    def find(self, serial: str) -> str:
        """The device with a serial, ordered or not, once it is there."""
        return by_serial(self._by_id, serial, clock=self._clock, timeout=_DISK_TIMEOUT)

    def generation(self, volume: str) -> str:
        """Random id of a volume's file system.

        Raises:
            HostError: There is no such volume.
        """
        with self._lock:
            found = self._complete_state().generations.get(volume)
        if found is None:
            raise HostError("no such volume", subject=volume)
        return found

    def apart(self, volume: str) -> frozenset[bytes]:
        """Places in a volume where other subvolumes of its file system are seen.

        Raises:
            HostError: Nothing was prepared yet.
        """
        with self._lock:
            volumes = self._complete_state().order.volumes
        own = next(v for v in volumes if v.id == volume)
        place = (own.disk, own.partition, own.logical)
        same = [v.subvolume for v in volumes if (v.disk, v.partition, v.logical) == place]
        return nested(own.subvolume, same)

    def seal(self) -> Sealed:
        """Write everything out, unmount, and check every file system without changing it.

        Raises:
            HostError: A volume is still in use, or its file system has errors.
        """
        with self._lock:
            order = self._complete_state().order
            self._disassemble()
            for volume in sorted(order.volumes, key=_depth, reverse=True):
                self._release(self._place(volume))
            checks: dict[str, str] = {}
            said: dict[Area, str] = {}
            for volume in order.volumes:
                disk = _disk(order, volume.disk)
                area, device = disk.area(volume), self._shown(order, disk)
                if area not in said:
                    said[area] = self._checked(volume, device, area)
                checks[volume.id] = said[area]
            for disk in order.disks:
                flush(self._device(order, disk))
            return Sealed(checks=checks)

    @contextlib.contextmanager
    def assembled(self) -> Iterator[Path]:
        """One folder that shows all volumes where the migrated system mounts them."""
        with self._lock:
            paths = self.volumes()
            order = self._complete_state().order
            root = self._assembly
            root.mkdir(parents=True, exist_ok=True)
            self._disassemble()
            with contextlib.ExitStack() as stack:
                for volume in sorted(order.volumes, key=_depth):
                    place = inside(root, volume.mount_point)
                    stack.enter_context(bind_mount(paths[volume.id], place))
                yield root

    def _make(self, order: PrepareOrder, old: TargetState | None, progress: Progress) -> None:
        """Make everything; ``old`` says which disks were begun by us."""
        claimed = set(old.order.serials.values()) if old else set()
        devices = {disk.index: self._device(order, disk) for disk in order.disks}
        for disk in order.disks:
            ours = order.serials[disk.index] in claimed
            if not ours and not is_blank(devices[disk.index]):
                raise HostError(
                    "the target disk is not blank and was not made by this migration",
                    subject=devices[disk.index],
                    hint="Give the intermediate instance a new, empty data disk, then rerun.",
                )
        state = new_state(order)
        save(self._file, state)
        total = sum(1 + sum(len(p.areas) for p in d.partitions) for d in order.disks)
        done = 0
        for disk in order.disks:
            with locked(devices[disk.index]):
                for label in self._make_disk(devices[disk.index], disk):
                    progress(label, done, total)
                    done += 1
        # Last: what watches for LVM on this machine would take hold of a group before it is made.
        make_groups(order.disks, devices, host=_MAKER, time=int(self._clock.now()))
        save(self._file, state.completed())
        progress("target disks ready", total, total)

    def _grow(self, state: TargetState, order: PrepareOrder, progress: Progress) -> None:
        """Make disks longer; the state says so last, so that all of it is done again after a crash."""
        self._disassemble()
        for volume in sorted(order.volumes, key=_depth, reverse=True):
            self._release(self._place(volume))
        before = {d.index: d for d in state.order.disks}
        longer = [d for d in order.disks if d != before[d.index]]
        devices = {d.index: self._device(order, d) for d in order.disks}
        for done, disk in enumerate(longer):
            device = devices[disk.index]
            progress(f"growing disk {disk.index} to {disk.size_gib} GiB", done, len(longer))
            wait_for_size(device, disk.size_gib, clock=self._clock)
            with locked(device):
                grow_table(device, disk, commands=self._commands, clock=self._clock)
        make_groups(order.disks, devices, host=_MAKER, time=int(self._clock.now()))
        for disk in longer:
            known = {a.start: a.size for p in before[disk.index].partitions for a in p.areas}
            for area in (a for p in disk.partitions for a in p.areas):
                if area.file_system and known[area.start] != area.size:
                    scratch = self._mount_root / "making"
                    grow_file_system(devices[disk.index], area, scratch, commands=self._commands)
        save(self._file, replace(state, order=order))

    def _make_disk(self, device: str, disk: TargetDisk) -> Iterator[str]:
        """Make one disk; says before each part what comes."""
        yield f"partitioning disk {disk.index}"
        if disk.table is not None:
            make_table(device, disk, commands=self._commands, clock=self._clock)
        for partition in disk.partitions:
            for area in partition.areas:
                yield f"formatting disk {disk.index}"
                make_area(device, area, self._mount_root / "making", commands=self._commands)
        flush(device)

    def _ready(self, volume: str, place: Path) -> VolumeReady:
        space = os.statvfs(place)
        return VolumeReady(
            volume=volume,
            generation=self.generation(volume),
            size=space.f_blocks * space.f_frsize,
            free=space.f_bavail * space.f_frsize,
        )

    def _complete_state(self) -> TargetState:
        state = load(self._file)
        if state is None or state.phase is not Phase.COMPLETE:
            raise HostError("the target disks are not prepared", subject=str(self._file))
        return state

    def _device(self, order: PrepareOrder, disk: TargetDisk) -> str:
        serial = order.serials.get(disk.index)
        if not serial:
            raise HostError("the order names no serial for it", subject=f"disk {disk.index}")
        return self.find(serial)

    def _shown(self, order: PrepareOrder, disk: TargetDisk) -> str:
        """The disk's device, its partition nodes made visible."""
        device = self._device(order, disk)
        show_partitions(device, disk, commands=self._commands, clock=self._clock)
        return device

    def _place(self, volume: Volume) -> Path:
        return self._mount_root / volume.id

    def _mount(self, device: str, area: Area, volume: Volume) -> None:
        place = self._place(volume)
        place.mkdir(parents=True, exist_ok=True)
        options = (*_SAFE, *_OWN_OPTIONS.get(volume.file_system, ()))
        if area.subvolumes:
            options = (*options, f"subvol=/{volume.subvolume}")
        with area_node(device, area, commands=self._commands) as node:
            mount(node, place, kind=volume.file_system, options=options)
        # A crash may have come between the commit of a large file's changes and their writing, and
        # the source may never come back. What cannot be carried out now, the next pass reports.
        with contextlib.suppress(OSError):
            recover(place)

    def _release(self, place: Path) -> None:
        if str(place) not in {m.mount_point for m in mount_table()}:
            return
        deadline = self._clock.monotonic() + _UNMOUNT_TIMEOUT
        while True:
            try:
                unmount(place, lazy=False)
            except HostError:
                if self._clock.monotonic() >= deadline:
                    raise
                self._clock.sleep(0.2)
            else:
                return

    def _wait_until_free(self, volume: Volume, device: str, area: Area) -> None:
        """A namespace made while it was mounted holds a copy of the mount: nothing is on disk yet."""
        deadline = self._clock.monotonic() + _UNMOUNT_TIMEOUT
        while is_area_in_use(device, area):
            if self._clock.monotonic() >= deadline:
                raise HostError(
                    "another process on the intermediate instance keeps the volume mounted",
                    subject=f"{volume.id} ({device})",
                )
            self._clock.sleep(0.2)

    def _checked(self, volume: Volume, device: str, area: Area) -> str:
        self._wait_until_free(volume, device, area)
        with area_node(device, area, commands=self._commands) as node:
            try:
                said = check_file_system(node, volume.file_system, commands=self._commands)
            except HostError as error:
                raise HostError(
                    f"the file system of {volume.mount_point} has errors: {error}",
                    subject=volume.id,
                    hint="Rerun; when it stays, release the intermediate instance with"
                    " 'hostlift data clear' and migrate again.",
                ) from error
            flush(node)
            return said

    def _disassemble(self) -> None:
        """Take apart what an agent that was killed left assembled."""
        for found in reversed(mount_table()):
            if Path(found.mount_point).is_relative_to(self._assembly):
                unmount(Path(found.mount_point))


def _require_same(old: PrepareOrder, new: PrepareOrder) -> None:
    if fingerprint(old) == fingerprint(new):
        return
    before = {d.index: d for d in old.disks}
    for disk in new.disks:
        if before.get(disk.index) != disk or old.serials.get(disk.index) != new.serials[disk.index]:
            subject = f"disk {disk.index} ({new.serials[disk.index]})"
            break
    else:
        subject = "target disks"
    raise HostError(
        "the target disk already carries another layout of this migration",
        subject=subject,
        hint="Migrate with the settings it was begun with, or give up with 'hostlift data clear'.",
    )


def _disk(order: PrepareOrder, index: int) -> TargetDisk:
    return next(d for d in order.disks if d.index == index)


def _depth(volume: Volume) -> tuple[int, str]:
    return len(Path(volume.mount_point).parts), volume.mount_point


def inside(root: Path, mount_point: str) -> Path:
    """The real folder of a mount point below ``root``, whatever links the guest put on the way.

    Raises:
        HostError: There is none.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            folder = open_folder(descriptor, mount_point)
        except FileNotFoundError as error:
            raise HostError(
                "the copied system has no folder to mount a volume on", subject=mount_point
            ) from error
        try:
            return Path(os.readlink(f"/proc/self/fd/{folder}"))
        finally:
            os.close(folder)
    finally:
        os.close(descriptor)
