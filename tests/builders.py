# SPDX-License-Identifier: Apache-2.0
"""Complete objects for tests: override what matters, the rest is a plain Debian server.

The machine has a GPT system disk (BIOS boot, /boot, swap, /) and a second disk at /data; the plan
is the one that the planner makes for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hostlift.model.machine import (
    Disk,
    FileSystem,
    Firmware,
    Interface,
    Kernel,
    LogicalVolume,
    Machine,
    Partition,
    PhysicalVolume,
    Stacked,
    StackKind,
    TableKind,
    VolumeGroup,
)
from hostlift.model.plan import MigrationPlan
from hostlift.plan.make import make
from hostlift.settings.user_config import Settings

MIB = 1 << 20
GIB = 1 << 30

BIOS_BOOT_TYPE = "21686148-6449-6E6F-744E-656564454649"
LINUX_TYPE = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
SWAP_TYPE = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
EXT4_FEATURES = ("has_journal", "ext_attr", "dir_index", "filetype", "extent", "sparse_super")


def a_partition(number: int, start: int, size: int, **changes: Any) -> Partition:
    """A GPT partition of /dev/sda."""
    base = Partition(
        number=number,
        start=start,
        size=size,
        type=LINUX_TYPE,
        uuid=f"00000000-0000-4000-8000-{number:012d}",
        device=f"/dev/sda{number}",
    )
    return replace(base, **changes)


def a_file_system(mount_point: str, device: str, **changes: Any) -> FileSystem:
    """A half-full ext4 of 10 GiB."""
    base = FileSystem(
        device=device,
        kind="ext4",
        uuid=f"11111111-0000-4000-8000-{abs(hash_of(mount_point)):012d}",
        mount_point=mount_point,
        size=10 * GIB,
        used=5 * GIB,
        inodes=655_360,
        used_inodes=50_000,
        inode_size=256,
        block_size=4096,
        options=("rw", "relatime"),
        features=EXT4_FEATURES,
    )
    return replace(base, **changes)


def hash_of(text: str) -> int:
    """A small number that is the same in every run."""
    return sum((i + 1) * b for i, b in enumerate(text.encode()))


def a_system_disk() -> Disk:
    """/dev/sda: 20 GiB, GPT."""
    return Disk(
        device="/dev/sda",
        size=20 * GIB,
        table=TableKind.GPT,
        table_id="AAAAAAAA-0000-4000-8000-000000000001",
        partitions=(
            a_partition(1, MIB, MIB, type=BIOS_BOOT_TYPE),
            a_partition(2, 2 * MIB, 512 * MIB),
            a_partition(3, 514 * MIB, GIB, type=SWAP_TYPE),
            a_partition(4, 1538 * MIB, 20 * GIB - 1539 * MIB),
        ),
    )


def a_data_disk() -> Disk:
    """/dev/sdb: 30 GiB, MBR with one partition."""
    return Disk(
        device="/dev/sdb",
        size=30 * GIB,
        table=TableKind.MBR,
        table_id="0x12345678",
        partitions=(
            Partition(
                number=1, start=MIB, size=30 * GIB - MIB, type="83", uuid="", device="/dev/sdb1"
            ),
        ),
    )


def a_machine(**changes: Any) -> Machine:
    """A live Debian 12 server."""
    base = Machine(
        root="/",
        live=True,
        hostname="web01",
        machine_id="0123456789abcdef0123456789abcdef",
        architecture="x86_64",
        os_id="debian",
        os_like=(),
        os_version="12",
        os_name="Debian GNU/Linux 12 (bookworm)",
        firmware=Firmware.BIOS,
        startable=(Firmware.BIOS, Firmware.UEFI),
        cpus=2,
        memory=2 * GIB,
        disks=(a_system_disk(), a_data_disk()),
        file_systems=(
            a_file_system("/", "/dev/sda4", size=18 * GIB),
            a_file_system(
                "/boot", "/dev/sda2", size=500 * MIB, used=80 * MIB, inodes=32768, used_inodes=400
            ),
            a_file_system("/data", "/dev/sdb1", size=29 * GIB, label="data"),
        ),
        swaps=(
            FileSystem(
                device="/dev/sda3",
                kind="swap",
                uuid="22222222-0000-4000-8000-000000000003",
                size=GIB,
            ),
        ),
        kernels=(
            Kernel(
                release="6.1.0-18-amd64",
                image="/boot/vmlinuz-6.1.0-18-amd64",
                initramfs="/boot/initrd.img-6.1.0-18-amd64",
                running=True,
            ),
        ),
        interfaces=(
            Interface(name="ens3", mac="52:54:00:12:34:56", addresses=("198.51.100.10/24",)),
        ),
        listening=(22, 80),
        loader="grub2",
        loader_version="2.06-13+deb12u1",
    )
    return replace(base, **changes)


def some_settings(**changes: Any) -> Settings:
    """Wishes of a user who lists /data as data disk 1."""
    values: dict[str, Any] = {
        "region_id": "cn-hangzhou",
        "image_name": "web01-image",
        "data_disks": [{"data_disk_index": 1, "data_disk_size": -1, "src_path": "/data"}],
    }
    return Settings.model_validate(values | changes)


def a_plan(**changes: Any) -> MigrationPlan:
    """The plan for `a_machine` with `some_settings`."""
    return replace(make(a_machine(), some_settings(), {0: ("/proc/*", "/mnt/*"), 1: ()}), **changes)


def a_logical(name: str, size: int, **changes: Any) -> LogicalVolume:
    """A linear volume of the group ``rhel``."""
    device = f"/dev/mapper/rhel-{name.replace('-', '--')}"
    return replace(
        LogicalVolume(name=name, uuid=lvm_id_of(name), size=size, device=device), **changes
    )


def lvm_id_of(name: str) -> str:
    """An identity as LVM prints it."""
    text = (name.replace("-", "") + "0" * 32)[:32]
    return "-".join([text[:6], *(text[n : n + 4] for n in range(6, 26, 4)), text[26:]])


def an_lvm_machine(**changes: Any) -> Machine:
    """As RHEL's installer makes it: /boot, and a group with root, home and swap."""
    disk = Disk(
        device="/dev/sda",
        size=60 * GIB,
        table=TableKind.MBR,
        table_id="0xcafe0001",
        partitions=(
            Partition(number=1, start=MIB, size=GIB, type="83", bootable=True, device="/dev/sda1"),
            Partition(
                number=2, start=GIB + MIB, size=59 * GIB - MIB, type="8e", device="/dev/sda2"
            ),
        ),
    )
    logical = (
        a_logical("swap", 2 * GIB, holds="swap"),
        a_logical("home", 16 * GIB, holds="xfs"),
        a_logical("root", 40 * GIB, holds="xfs"),
    )
    group = VolumeGroup(
        name="rhel",
        uuid=lvm_id_of("group"),
        extent_size=4 * MIB,
        physical=(PhysicalVolume(device="/dev/sda2", uuid=lvm_id_of("pv"), size=59 * GIB - MIB),),
        logical=logical,
    )
    stacked = tuple(
        Stacked(device=v.device, kind=StackKind.LVM, size=v.size, beneath=("/dev/sda2",))
        for v in logical
    )
    base = a_machine(
        disks=(disk,),
        file_systems=(
            a_file_system("/", logical[2].device, kind="xfs", size=40 * GIB),
            a_file_system("/boot", "/dev/sda1", size=GIB, used=200 * MIB),
            a_file_system("/home", logical[1].device, kind="xfs", size=16 * GIB),
        ),
        swaps=(FileSystem(device=logical[0].device, kind="swap", uuid="swap-uuid", size=2 * GIB),),
        stacked=stacked,
        groups=(group,),
    )
    return replace(base, **changes)
