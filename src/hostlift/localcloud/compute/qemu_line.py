# SPDX-License-Identifier: Apache-2.0
"""The command line of QEMU for an instance. Pure: words out of values.

What each choice rests on is measured in the project's reference on the emulator: CPU model, size of
the translation cache, disks by serial because ``/dev/vdX`` follows no order.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from hostlift.localcloud.compute.base import DiskRef, MachineSpec

PROGRAM = "qemu-system-x86_64"
SERIAL_LETTERS = 20
"""What virtio-blk carries of a serial number."""
_LEAST_MIB = 512
_MOST_MIB = 2048
_HOTPLUG_PORTS = 16
"""One for each data disk an instance may have."""
_NAMESPACE = uuid.UUID("8f5f6a0e-8f2e-4c39-9d35-3b5f0e7c1a11")


@dataclass(frozen=True, slots=True)
class DirectBoot:
    """A kernel that QEMU starts itself, without firmware and boot loader."""

    kernel: Path
    initrd: Path
    append: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the host gives to a machine.

    Attributes:
        kvm: Use it; else QEMU translates.
        disks: Files of the machine's disks, in its order, all qcow2.
        tap: Descriptor of its network port.
        control: Descriptor of the listening control socket.
        console: Log of its serial port, appended to.
        boot: Start this kernel instead of the firmware.
        firmware: OVMF's code, and this machine's copy of its variables; None for SeaBIOS.
        host_cpus: No machine gets more.
    """

    kvm: bool
    disks: tuple[Path, ...]
    tap: int
    control: int
    console: Path
    boot: DirectBoot | None
    firmware: tuple[Path, Path] | None
    host_cpus: int


def command_line(machine: MachineSpec, given: Resources) -> list[str]:
    """How to start ``machine``."""
    return [
        *(PROGRAM, "-name", machine.id, "-nodefaults", "-no-user-config", "-display", "none"),
        *_processor(machine, given),
        *_identity(machine),
        *_boot(given),
        *("-device", "virtio-rng-pci"),
        *_hotplug_ports(),
        *_disks(machine, given),
        *_network(machine, given),
        *("-chardev", f"file,id=console,path={_escaped(given.console)},append=on"),
        *("-serial", "chardev:console"),
        *("-chardev", f"socket,id=control,fd={given.control},server=on,wait=off"),
        *("-mon", "chardev=control,mode=control"),
    ]


def memory_mib(machine: MachineSpec) -> int:
    """Memory a guest gets: enough for any firmware, capped to what one host can give several."""
    return max(_LEAST_MIB, min(machine.memory_mib, _MOST_MIB))


def _processor(machine: MachineSpec, given: Resources) -> list[str]:
    cpus = max(1, min(machine.cpus, given.host_cpus))
    # Westmere has AES and CLMUL for TLS and costs no more to translate than simpler models.
    accelerator = ["kvm"] if given.kvm else ["tcg,thread=multi,tb-size=128"]
    return [
        *("-machine", "q35", "-accel", *accelerator),
        *("-cpu", "host" if given.kvm else "Westmere"),
        *("-smp", str(cpus), "-m", str(memory_mib(machine))),
    ]


def _identity(machine: MachineSpec) -> list[str]:
    number = uuid.uuid5(_NAMESPACE, machine.id)
    words = f"manufacturer=Alibaba Cloud,product=Alibaba Cloud ECS,serial={number}"
    return ["-uuid", str(number), "-smbios", f"type=1,{words},uuid={number}"]


def _boot(given: Resources) -> list[str]:
    if given.boot is not None:
        boot = given.boot
        return ["-kernel", str(boot.kernel), "-initrd", str(boot.initrd), "-append", boot.append]
    if given.firmware is None:
        return []
    code, variables = given.firmware
    return [
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_escaped(code)}"),
        *("-drive", f"if=pflash,unit=1,format=raw,file={_escaped(variables)}"),
    ]


def _hotplug_ports() -> list[str]:
    words: list[str] = []
    for number in range(_HOTPLUG_PORTS):
        words += ["-device", f"pcie-root-port,id=rp{number},chassis={number + 1},slot={number + 1}"]
    return words


def _disks(machine: MachineSpec, given: Resources) -> list[str]:
    words: list[str] = []
    for number, (disk, file) in enumerate(zip(machine.disks, given.disks, strict=True)):
        # Data disks may be taken off while the machine runs; the system disk stays.
        device = disk_device(disk, bus=f"rp{number - 1}" if number else "")
        if number == 0 and given.boot is None:
            # A kernel that QEMU starts itself takes this index, and two of one are refused.
            device["bootindex"] = 0
        words += ["-blockdev", json.dumps(blockdev(disk, file)), "-device", json.dumps(device)]
    return words


def node_name(disk: str) -> str:
    """What QEMU calls the file of a disk; 31 letters at most."""
    return disk[:31]


def device_id(disk: str) -> str:
    """What QEMU calls the device that shows a disk."""
    return f"disk-{disk}"


def blockdev(disk: DiskRef, file: Path) -> dict[str, object]:
    """A disk's file for QEMU."""
    return {
        "driver": "qcow2",
        "node-name": node_name(disk.id),
        "discard": "unmap",
        "file": {"driver": "file", "filename": str(file), "discard": "unmap"},
    }


def disk_device(disk: DiskRef, *, bus: str = "") -> dict[str, object]:
    """The device that shows a disk; ``bus`` is a hot-plug port."""
    return {
        "driver": "virtio-blk-pci",
        "id": device_id(disk.id),
        "drive": node_name(disk.id),
        "serial": disk.serial[:SERIAL_LETTERS],
        **({"bus": bus} if bus else {}),
    }


def _network(machine: MachineSpec, given: Resources) -> list[str]:
    card = {
        "driver": "virtio-net-pci",
        "netdev": "net",
        "mac": machine.nic.mac,
        "romfile": "",
    }
    return ["-netdev", f"tap,id=net,fd={given.tap}", "-device", json.dumps(card)]


def _escaped(path: Path) -> str:
    """As QEMU reads values in an option list."""
    return str(path).replace(",", ",,")
