# SPDX-License-Identifier: Apache-2.0
"""`Compute` of the qemu kind: an instance is a virtual machine, a disk a qcow2 file."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands, spawn
from hostlift.localcloud.compute import hotplug, kvm, live_copy, qemu_line, qmp
from hostlift.localcloud.compute.base import DiskRef, MachineSpec, PublicImage
from hostlift.localcloud.compute.files import replaced
from hostlift.localcloud.compute.machines import MachineFolder, Machines, Ports
from hostlift.localcloud.compute.qcow import GIB, QcowDisks, has_clusters
from hostlift.localcloud.compute.qemu_line import DirectBoot, Resources
from hostlift.localcloud.images import stock
from hostlift.localcloud.images.stock import StockImage
from hostlift.localcloud.linux.processes import Mark

_OVMF = Path("/usr/share/OVMF")
_LOG = "qemu.log"
_QUIT_SECONDS = 3.0
_ASK_AGAIN = 5.0
_COPY_TIMEOUT = 60.0


class QemuCompute(Machines):
    """Virtual machines as instances.

    Args:
        folder: The cloud's folder.
        fabric: Where their network ports come from.
        stock_image: The public image; raises `HostError` while it is not built.
    """

    name = "qemu"

    def __init__(
        self, folder: Path, fabric: Ports, stock_image: Callable[[], StockImage] = stock.image
    ) -> None:
        super().__init__(folder)
        self._ports = fabric
        self._stock = stock_image
        self._disks = QcowDisks(folder, self._public_file)
        self._asking: set[str] = set()

    def create_disk(self, disk: str, size_gib: int, *, source: str = "") -> None:
        """See `Compute`."""
        self._disks.create(disk, size_gib, source)

    def delete_disk(self, disk: str) -> None:
        """See `Compute`."""
        self._disks.delete(disk)

    def disk_used(self, disk: str) -> bool:
        """See `Compute`; a disk made from a source counts once more is written."""
        file = self._disks.path(disk)
        owner = self._owner(disk)
        if owner is not None and live_copy.was_written(owner.path, disk):
            return True
        return has_clusters(file)

    def snapshot(self, disk: str, snapshot: str) -> None:
        """See `Compute`."""
        target = self._disks.snapshot_target(snapshot)
        if target is None:
            return
        with replaced(target) as draft:
            owner = self._owner(disk)
            if owner is None:
                self._disks.copy(disk, draft)
            else:
                thin = self._disks.empty_copy(disk, draft)
                live_copy.copy(owner.path, disk, draft, thin=thin)

    def copy_snapshot(self, source: str, snapshot: str) -> None:
        """See `Compute`."""
        self._disks.copy_snapshot(source, snapshot)

    def resize_disk(self, disk: str, size_gib: int) -> None:
        """See `Compute`."""
        owner = self._owner(disk)
        if owner is None:
            self._disks.resize(disk, size_gib)
            return
        with qmp.connected(owner.path) as control:
            arguments = {"node-name": disk[:31], "size": size_gib * GIB}
            control.execute("block_resize", **arguments)

    def attach_disk(self, instance: str, disk: DiskRef) -> None:
        """See `Compute`."""
        with self._lock:
            folder = self._machine(instance)
            if folder.mark():
                _list_disks(folder, [*_listed_disks(folder), disk.id])
                hotplug.plug(folder.path, disk, self._disks.path(disk.id))

    def detach_disk(self, instance: str, disk: str) -> bool:
        """See `Compute`."""
        with self._lock:
            folder = self._machine(instance)
            if not folder.mark():
                return True
            gone = hotplug.unplug(folder.path, disk)
            if gone:
                _list_disks(folder, [d for d in _listed_disks(folder) if d != disk])
            return gone

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
            _list_disks(folder, [d.id for d in machine.disks])
            os.close(folder.open_console())  # ours, not readable by others
            self._launch(machine, folder)

    def stop(self, instance: str, *, force: bool) -> None:
        """See `Compute`. A request lost on a guest that still boots is repeated until it is off."""
        folder = self._machine(instance)
        mark = folder.mark()
        if mark is None:
            return
        if force:
            _pull_the_plug(folder, mark)
            return
        with self._lock:
            if instance in self._asking:
                return
            self._asking.add(instance)
        threading.Thread(target=self._ask, args=(instance, mark), daemon=True).start()

    def public_images(self) -> tuple[PublicImage, ...]:
        """See `Compute`; whether the stock image is built shows when a disk is made from it."""
        return (
            PublicImage(
                id=stock.IMAGE_ID,
                name=stock.IMAGE_ID,
                os_name=stock.OS_NAME,
                platform=stock.PLATFORM,
                size_gib=stock.SIZE_GIB,
            ),
        )

    def _public_file(self, image: str) -> Path | None:
        return self._stock().disk if image == stock.IMAGE_ID else None

    def _owner(self, disk: str) -> MachineFolder | None:
        """The running machine that has the disk."""
        for folder in self._machines():
            if disk in _listed_disks(folder) and folder.mark():
                return folder
        return None

    def _direct_boot(self, machine: MachineSpec) -> DirectBoot | None:
        """For a system disk right above the stock image; anything else must show that it boots."""
        base = self._disks.base(machine.disks[0].id)
        if base is None or machine.firmware != "bios":
            return None
        try:
            image = self._stock()
        except HostError:
            return None
        if base != image.disk:
            return None
        return DirectBoot(image.kernel, image.initrd, image.append)

    def _launch(self, machine: MachineSpec, folder: MachineFolder) -> None:
        boot = self._direct_boot(machine)
        accelerated = kvm.usable(self._folder)
        firmware = _firmware(folder.path) if machine.firmware == "uefi" else None
        files = tuple(self._disks.path(d.id) for d in machine.disks)
        tap = self._ports.open_tap(machine.nic)
        try:
            with qmp.listening_socket(folder.path) as control:
                given = Resources(
                    kvm=accelerated,
                    disks=files,
                    tap=tap,
                    control=control.fileno(),
                    console=folder.console_file,
                    boot=boot,
                    firmware=firmware,
                    host_cpus=os.cpu_count() or 1,
                )
                line = qemu_line.command_line(machine, given)
                mark = _run(line, folder, (tap, control.fileno()))
        finally:
            os.close(tap)
        # Only now: while we hold a copy of the socket, a dead QEMU would seem to listen.
        _await_answer(folder, mark)

    def _ask(self, instance: str, mark: Mark) -> None:
        """Press the power button every few seconds, as long as this very process runs."""
        folder = self._machine(instance)
        try:
            while mark.alive():
                try:
                    with qmp.connected(folder.path) as control:
                        control.execute("system_powerdown")
                except HostError:
                    pass  # it ends just now, or is busy: asked again below
                mark.wait(_ASK_AGAIN)
        finally:
            with self._lock:
                self._asking.discard(instance)


def _listed_disks(folder: MachineFolder) -> list[str]:
    """Ids of the disks that hang on a machine."""
    try:
        return (folder.path / "disks").read_text().splitlines()
    except FileNotFoundError:
        return []


def _list_disks(folder: MachineFolder, disks: list[str]) -> None:
    with replaced(folder.path / "disks") as draft:
        draft.write_text("\n".join(dict.fromkeys(disks)))


def _run(argv: list[str], folder: MachineFolder, descriptors: tuple[int, int]) -> Mark:
    """Start QEMU."""
    log = os.open(folder.path / _LOG, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        process = spawn(argv, stdout=log, pass_fds=descriptors)
    finally:
        os.close(log)
    # It is waited for there, or dead machines would stay in the process table.
    threading.Thread(target=process.wait, daemon=True).start()
    mark = Mark.of(process.pid)
    folder.write_mark(mark)
    return mark


def _await_answer(folder: MachineFolder, mark: Mark) -> None:
    """Wait until QEMU answers on its control socket: before that it may yet refuse to start."""
    try:
        with qmp.connected(folder.path) as control:
            control.execute("query-status")
    except HostError as error:
        mark.end()
        lines = (folder.path / _LOG).read_text(errors="replace").strip().splitlines()
        raise HostError(
            f"QEMU does not start: {lines[-1] if lines else error.message}",
            subject=folder.path.name,
        ) from error


def _pull_the_plug(folder: MachineFolder, mark: Mark) -> None:
    try:
        with qmp.connected(folder.path) as control:
            control.execute("quit")
        if mark.wait(_QUIT_SECONDS):
            return
    except HostError:
        pass  # hung: the signal below does not ask
    mark.signal(signal.SIGKILL)
    mark.wait(_QUIT_SECONDS)


def _firmware(folder: Path) -> tuple[Path, Path]:
    """OVMF, and this machine's own copy of its variables."""
    code, template = _OVMF / "OVMF_CODE_4M.fd", _OVMF / "OVMF_VARS_4M.fd"
    if not code.exists() or not template.exists():
        raise HostError(
            "no UEFI firmware", subject=str(code), hint="Install the package ovmf, then try again."
        )
    variables = folder / "efi-variables.fd"
    if not variables.exists():
        with replaced(variables) as draft:
            SystemCommands().run(["cp", str(template), str(draft)], timeout=_COPY_TIMEOUT)
    return code, variables
