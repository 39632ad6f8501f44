# SPDX-License-Identifier: Apache-2.0
"""Compute without effects: everything succeeds at once, disks have a history but no bytes."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from threading import Lock

from hostlift.errors import HostError
from hostlift.localcloud.compute.base import (
    Admission,
    DiskRef,
    MachineSpec,
    MetadataLookup,
    Nic,
    Power,
    PublicImage,
)

FILE = "paper.json"
_BANNER = "{hostname} login: "


class PaperCompute:
    """`Compute` on paper. A disk counts as used once an instance it hangs on was started.

    Args:
        folder: For the disks' history; None keeps it in memory.
    """

    name = "paper"

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self._lock = Lock()
        self._machines: dict[str, MachineSpec] = {}
        self._on: set[str] = set()
        self._used: dict[str, bool] = _load(self._path)

    def create_disk(self, disk: str, size_gib: int, *, source: str = "") -> None:
        """See `Compute`; a disk with a source has content already."""
        del size_gib
        with self._lock:
            self._used.setdefault(disk, bool(source))
            self._save()

    def delete_disk(self, disk: str) -> None:
        """See `Compute`."""
        with self._lock:
            self._used.pop(disk, None)
            self._save()

    def disk_used(self, disk: str) -> bool:
        """See `Compute`."""
        return self._used.get(disk, False)

    def snapshot(self, disk: str, snapshot: str) -> None:
        """See `Compute`."""
        del snapshot
        if disk not in self._used:
            raise HostError("there is no such disk", subject=disk)

    def copy_snapshot(self, source: str, snapshot: str) -> None:
        """See `Compute`."""

    def resize_disk(self, disk: str, size_gib: int) -> None:
        """See `Compute`."""
        del size_gib
        if disk not in self._used:
            raise HostError("there is no such disk", subject=disk)

    def attach_disk(self, instance: str, disk: DiskRef) -> None:
        """See `Compute`."""
        if instance in self._on:
            with self._lock:
                self._used[disk.id] = True
                self._save()

    def detach_disk(self, instance: str, disk: str) -> bool:
        """See `Compute`; a guest on paper lets go at once."""
        del instance, disk
        return True

    def delete_snapshot(self, snapshot: str) -> None:
        """See `Compute`."""

    def export(self, snapshot: str, target: str) -> None:
        """Refuses: there are no bytes."""
        raise HostError(
            f"a snapshot of the paper kind has no bytes to write to {target}", subject=snapshot
        )

    def start(self, machine: MachineSpec) -> None:
        """See `Compute`."""
        with self._lock:
            self._machines[machine.id] = machine
            self._on.add(machine.id)
            self._used.update((d.id, True) for d in machine.disks)
            self._save()

    def stop(self, instance: str, *, force: bool) -> None:
        """See `Compute`; a guest on paper always obeys."""
        del force
        self._on.discard(instance)

    def delete(self, instance: str) -> None:
        """See `Compute`."""
        self._on.discard(instance)
        self._machines.pop(instance, None)

    def power(self, instance: str) -> Power:
        """See `Compute`."""
        return Power.ON if instance in self._on else Power.OFF

    def console(self, instance: str) -> bytes:
        """See `Compute`."""
        machine = self._machines.get(instance)
        return _BANNER.format(hostname=machine.hostname).encode() if machine else b""

    def public_images(self) -> tuple[PublicImage, ...]:
        """See `Compute`."""
        return (
            PublicImage(
                id="debian_12_0_x64_20G_alibase_20240101.vhd",
                name="debian_12_0_x64_20G_alibase_20240101.vhd",
                os_name="Debian  12.0 64bit",
                platform="Debian",
                size_gib=20,
            ),
            PublicImage(
                id="debian_12_0_x64_20G_uefi_alibase_20240101.vhd",
                name="debian_12_0_x64_20G_uefi_alibase_20240101.vhd",
                os_name="Debian  12.0 64bit UEFI Edition",
                platform="Debian",
                size_gib=20,
                boot_mode="UEFI",
            ),
        )

    def close(self) -> None:
        """See `Compute`."""
        self._on.clear()

    def _save(self) -> None:
        if self._path is None:
            return
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._used))
        new.replace(self._path)


def _load(path: Path | None) -> dict[str, bool]:
    if path is None or not path.exists():
        return {}
    return {k: bool(v) for k, v in json.loads(path.read_text()).items()}


class PaperFabric:
    """`Fabric` on paper: remembers what was asked, connects nothing."""

    def __init__(self) -> None:
        self.metadata: MetadataLookup | None = None
        self.vpcs: dict[str, str] = {}
        self.vswitches: dict[str, str] = {}
        self.plugged: dict[str, Nic] = {}
        self.admitted: dict[str, tuple[Admission, ...]] = {}
        self.links: dict[str, tuple[str, str, str]] = {}

    def up(self, api_port: int, metadata: MetadataLookup) -> None:
        """See `Fabric`."""
        del api_port
        self.metadata = metadata

    def down(self) -> None:
        """See `Fabric`."""
        self.plugged.clear()
        self.vpcs.clear()
        self.vswitches.clear()

    def api_addresses(self) -> tuple[str, ...]:
        """See `Fabric`; paper has no internet."""
        return ()

    def service_address(self) -> str:
        """See `Fabric`; paper has no private networks either."""
        return ""

    def listen(self, address: str, port: int) -> socket.socket:
        """See `Fabric`; paper has no address to listen on."""
        raise HostError("the paper kind has no internet", subject=f"{address}:{port}")

    def ensure_vpc(self, vpc: str, cidr: str) -> None:
        """See `Fabric`."""
        self.vpcs[vpc] = cidr

    def remove_vpc(self, vpc: str) -> None:
        """See `Fabric`."""
        self.vpcs.pop(vpc, None)

    def ensure_vswitch(self, vpc: str, vswitch: str, cidr: str, gateway: str) -> None:
        """See `Fabric`."""
        del vpc, gateway
        self.vswitches[vswitch] = cidr

    def remove_vswitch(self, vpc: str, vswitch: str) -> None:
        """See `Fabric`."""
        del vpc
        self.vswitches.pop(vswitch, None)

    def plug(self, instance: str, nic: Nic) -> None:
        """See `Fabric`."""
        self.plugged[instance] = nic

    def unplug(self, instance: str, nic: Nic) -> None:
        """See `Fabric`."""
        self.plugged.pop(instance, None)
        self.admitted.pop(nic.mac, None)

    def connect(self, vpc: str, link: str, namespace: str, address: str) -> None:
        """See `Fabric`."""
        self.links[link] = (vpc, namespace, address)

    def disconnect(self, vpc: str, link: str) -> None:
        """See `Fabric`."""
        del vpc
        self.links.pop(link, None)

    def admit(self, nic: Nic, admissions: tuple[Admission, ...]) -> None:
        """See `Fabric`."""
        self.admitted[nic.mac] = admissions
