# SPDX-License-Identifier: Apache-2.0
"""`Compute` of the process kind: an instance is a container over the host's root file system.

It has its own mounts, processes, host name and network; its disks are loop devices. Fast, for tests
and rehearsals of everything but booting: what a disk holds is never started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import hostlift
from hostlift.errors import HostError
from hostlift.host.command import end_group, spawn
from hostlift.localcloud.compute import container
from hostlift.localcloud.compute.base import DiskRef, MachineSpec, PublicImage
from hostlift.localcloud.compute.files import replaced
from hostlift.localcloud.compute.machines import MachineFolder, Machines, Ports
from hostlift.localcloud.compute.rawdisks import RawDisks
from hostlift.localcloud.images import stock
from hostlift.localcloud.linux import loops
from hostlift.localcloud.linux.processes import Mark, peers

_START_SECONDS = 20.0
_DETACH_SECONDS = 20.0
_POLL = 0.02
_INIT = container.__name__
_IMAGE = PublicImage(
    id=stock.IMAGE_ID,
    name=stock.IMAGE_ID,
    os_name=stock.OS_NAME,
    platform=stock.PLATFORM,
    size_gib=stock.SIZE_GIB,
)


class ProcessCompute(Machines):
    """Containers as instances.

    Args:
        folder: The cloud's folder, on a file system that overlayfs can write to.
        fabric: Where their network ports come from.
    """

    name = "process"

    def __init__(self, folder: Path, fabric: Ports) -> None:
        super().__init__(folder)
        self._ports = fabric
        self._disks = RawDisks(folder, frozenset({_IMAGE.id}))

    def create_disk(self, disk: str, size_gib: int, *, source: str = "") -> None:
        """See `Compute`; from a public image it stays blank."""
        self._disks.create(disk, size_gib, source)

    def delete_disk(self, disk: str) -> None:
        """See `Compute`."""
        self._disks.delete(disk)

    def disk_used(self, disk: str) -> bool:
        """See `Compute`."""
        for owner in self._owners(disk):
            self._write_back(owner, disk)
        return self._disks.used(disk)

    def snapshot(self, disk: str, snapshot: str) -> None:
        """See `Compute`; a running instance stands still meanwhile."""
        with self._at_rest(disk):
            self._disks.snapshot(disk, snapshot)

    def copy_snapshot(self, source: str, snapshot: str) -> None:
        """See `Compute`."""
        self._disks.copy_snapshot(source, snapshot)

    def resize_disk(self, disk: str, size_gib: int) -> None:
        """See `Compute`; a running instance sees it at once."""
        self._disks.resize(disk, size_gib)
        for owner in self._owners(disk):
            for name in loops.attached_to(self._disks.path(disk)):
                loops.follow_size(name, Path(f"/proc/{owner.pid}/root/dev"))

    def attach_disk(self, instance: str, disk: DiskRef) -> None:
        """See `Compute`."""
        with self._lock:
            folder = self._machine(instance)
            if folder.mark():
                new = self._entry(disk)
                self._change_disks(folder, lambda known: [*(d for d in known if d != new), new])

    def detach_disk(self, instance: str, disk: str) -> bool:
        """See `Compute`; what is mounted inside is not let go of."""
        with self._lock:
            folder, file = self._machine(instance), str(self._disks.path(disk))
            if not folder.mark():
                return True
            self._change_disks(folder, lambda known: [d for d in known if d["file"] != file])
            return not loops.attached_to(Path(file))

    def delete_snapshot(self, snapshot: str) -> None:
        """See `Compute`."""
        self._disks.delete_snapshot(snapshot)

    def export(self, snapshot: str, target: str) -> None:
        """See `Compute`."""
        self._disks.export(snapshot, target)

    def start(self, machine: MachineSpec) -> None:
        """See `Compute`."""
        with self._lock:
            folder = self._machine(machine.id)
            if folder.mark():
                return
            folder.make()
            self._await_detached(machine)
            network = self._ports.open_namespace(machine.id, machine.nic)
            specification = folder.path / container.FILE
            specification.write_text(json.dumps(self._specification(machine, network)))
            user_data = folder.path / "user-data"
            user_data.touch(mode=0o600)
            user_data.write_bytes(machine.user_data)
            _launch(folder, specification)

    def stop(self, instance: str, *, force: bool) -> None:
        """See `Compute`."""
        mark = self._machine(instance).mark()
        if mark is not None and force:
            mark.end()
        elif mark is not None:
            mark.signal(signal.SIGTERM)

    def public_images(self) -> tuple[PublicImage, ...]:
        """See `Compute`; one, and it needs no file."""
        return (_IMAGE,)

    def _specification(self, machine: MachineSpec, network: Path) -> dict[str, object]:
        """What `container` reads; the system disk is not shown, nothing would be on it."""
        return {
            "instance": machine.id,
            "hostname": machine.hostname,
            "network": str(network),
            "pool": str(self._disks.path("any").parent),
            "disks": [self._entry(d) for d in machine.disks[1:]],
        }

    def _entry(self, disk: DiskRef) -> dict[str, str]:
        return {"file": str(self._disks.path(disk.id)), "serial": disk.serial}

    def _change_disks(
        self, folder: MachineFolder, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]
    ) -> None:
        """Let a running instance have other disks, and wait until its init has them."""
        specification = folder.path / container.FILE
        known = json.loads(specification.read_text())
        disks = change(known["disks"])
        if disks != known["disks"]:
            with replaced(specification) as draft:
                draft.write_text(json.dumps({**known, "disks": disks}))
        _await_disks(folder, {d["serial"] for d in disks})

    @contextlib.contextmanager
    def _at_rest(self, disk: str) -> Iterator[None]:
        """Nothing writes to the disk in this block: its instance stands still, caches are empty."""
        owners = self._owners(disk)
        stopped: list[Mark] = []
        try:
            for owner in owners:
                for process in peers(owner):
                    process.signal(signal.SIGSTOP)
                    stopped.append(process)
                self._write_back(owner, disk)
            if not owners:
                _await_free(self._disks.path(disk))
            yield
        finally:
            for process in stopped:
                process.signal(signal.SIGCONT)

    def _owners(self, disk: str) -> list[Mark]:
        """The running instance that has the disk, if there is one."""
        return [
            mark
            for folder in self._machines()
            if self._uses(folder, disk) and (mark := folder.mark())
        ]

    def _write_back(self, owner: Mark, disk: str) -> None:
        for name in loops.attached_to(self._disks.path(disk)):
            loops.flush(name, Path(f"/proc/{owner.pid}/root/dev"))

    def _uses(self, folder: MachineFolder, disk: str) -> bool:
        try:
            text = (folder.path / container.FILE).read_text()
        except FileNotFoundError:
            return False
        return str(self._disks.path(disk)) in text

    def _await_detached(self, machine: MachineSpec) -> None:
        for disk in machine.disks:
            if not self._disks.path(disk.id).exists():
                raise HostError("there is no such disk", subject=disk.id)
            _await_free(self._disks.path(disk.id))


def _await_free(file: Path) -> None:
    """The kernel lets go of a dead instance's disks a moment after its end."""
    pause = threading.Event()
    for _ in range(int(_DETACH_SECONDS / _POLL)):
        if not loops.attached_to(file):
            return
        pause.wait(_POLL)
    raise HostError(
        f"still attached as {' '.join(loops.attached_to(file))}",
        subject=str(file),
        hint="Another process holds the loop device; end it and try again.",
    )


def _await_disks(folder: MachineFolder, serials: set[str]) -> None:
    """Wait until init has exactly these disks."""
    pause = threading.Event()
    for _ in range(int(_DETACH_SECONDS / _POLL)):
        mark = folder.mark()
        if mark is None or set((folder.path / container.DISKS).read_text().split()) == serials:
            return
        mark.signal(signal.SIGHUP)
        pause.wait(_POLL)
    lines = folder.console().decode(errors="replace").strip().splitlines()
    raise HostError(
        f"the instance does not take the disks: {lines[-1] if lines else 'it says nothing'}",
        subject=folder.path.name,
    )


def _launch(folder: MachineFolder, specification: Path) -> None:
    """Start the container and wait until its init has set it up."""
    folder.mark_file.unlink(missing_ok=True)
    argv = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork"]
    argv += [sys.executable, "-m", _INIT, str(specification)]
    console = folder.open_console()
    try:
        home = str(Path(hostlift.__file__).parents[1])
        process = spawn(argv, stdout=console, env={"PYTHONPATH": home})
    finally:
        os.close(console)
    pause = threading.Event()
    for _ in range(int(_START_SECONDS / _POLL)):
        if folder.mark():
            # It is waited for there, or dead instances would stay in the process table.
            threading.Thread(target=process.wait, daemon=True).start()
            return
        if process.poll() is not None:
            break
        pause.wait(_POLL)
    end_group(process)
    lines = folder.console().decode(errors="replace").strip().splitlines()
    raise HostError(
        f"the instance does not start: {lines[-1] if lines else 'it says nothing'}",
        subject=folder.path.name,
    )
