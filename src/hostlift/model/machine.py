# SPDX-License-Identifier: Apache-2.0
"""What inspection found on the source. Sizes are bytes unless the name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Firmware(StrEnum):
    """How the machine starts."""

    BIOS = "bios"
    UEFI = "uefi"


class TableKind(StrEnum):
    """Partition table format; the values are sfdisk's names."""

    GPT = "gpt"
    MBR = "dos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition as the table states it.

    Attributes:
        number: As in the table, from 1.
        start: Byte offset on the disk.
        size: Bytes.
        type: GPT type GUID (upper case) or MBR type in hex without ``0x`` (lower case).
        uuid: PARTUUID; empty when the table has none.
        name: GPT partition name; empty on MBR.
        bootable: MBR active flag, or GPT legacy-BIOS-bootable attribute.
        device: Device node on the source, for example ``/dev/sda1``.
    """

    number: int
    start: int
    size: int
    type: str
    uuid: str = ""
    name: str = ""
    bootable: bool = False
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A whole disk; ``table`` is None when it carries a file system or nothing directly."""

    device: str
    size: int
    sector_size: int = 512
    table: TableKind | None = None
    table_id: str = ""
    partitions: tuple[Partition, ...] = ()
    model: str = ""
    serial: str = ""


class StackKind(StrEnum):
    """What makes a block device out of others."""

    LVM = "lvm"
    ARRAY = "array"
    LUKS = "luks"
    MULTIPATH = "multipath"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacked:
    """A block device made of others, as the kernel shows it.

    Attributes:
        device: As a person knows it: ``/dev/mapper/vg-root``, ``/dev/md0``.
        beneath: Devices it lies on directly: partitions, disks or further stacked ones.
        uuid: Of the array or LUKS container; of a logical volume, group and volume in one.
        level: ``raid1``, … of an array.
    """

    device: str
    kind: StackKind
    size: int
    beneath: tuple[str, ...]
    uuid: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalVolume:
    """A device that a volume group lies on."""

    device: str
    uuid: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalVolume:
    """A visible logical volume.

    Attributes:
        uuid: As LVM prints it.
        device: ``/dev/mapper/GROUP-NAME`` with LVM's doubled dashes.
        kind: ``linear``, ``striped``, ``raid1``, ``thin``, ``thin-pool``, ``snapshot``, …
        holds: What blkid sees in it: ``ext4``, ``swap``, …; empty: nothing known.
    """

    name: str
    uuid: str
    size: int
    device: str
    kind: str = "linear"
    holds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeGroup:
    """An LVM volume group of the source."""

    name: str
    uuid: str
    extent_size: int
    physical: tuple[PhysicalVolume, ...]
    logical: tuple[LogicalVolume, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subvolume:
    """A btrfs subvolume.

    Attributes:
        path: From the top of the file system, without a slash in front; names that are not UTF-8
            hold surrogates.
        default: It is what a mount without options shows.
        snapshot: It was made as a snapshot of another one.
    """

    id: int
    path: str
    read_only: bool = False
    default: bool = False
    snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """A mounted local file system (or swap area) of the source.

    Attributes:
        subvolume: Path of the btrfs subvolume that is mounted, ``/`` for the top; else empty.
        subvolumes: All of a btrfs; empty when they are not known.
        device: Node it was mounted from.
        kind: ``ext4``, ``xfs``, ``btrfs``, ``swap``, …
        mount_point: Absolute path as seen by the source; empty for swap.
        used_inodes: 0 where the file system does not count them.
        features: Feature words as the file system's own tool names them (ext4: tune2fs -l).
    """

    device: str
    kind: str
    uuid: str = ""
    label: str = ""
    mount_point: str = ""
    size: int = 0
    used: int = 0
    inodes: int = 0
    used_inodes: int = 0
    inode_size: int = 0
    block_size: int = 0
    options: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    read_only: bool = False
    subvolume: str = ""
    subvolumes: tuple[Subvolume, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An installed kernel and its initramfs."""

    release: str
    image: str = ""
    initramfs: str = ""
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A service whose files change while it runs (a database, a container engine).

    Attributes:
        kind: ``postgresql``, ``mysql``, ``docker``, …
        data_dir: Where its files are.
        hook: Name of the built-in freeze hook that suits it, or empty.
        leave_out: Absolute rsync patterns of what it can do without.
        bytes: In its data directory, as far as they were counted; None when they were not.
        write_rate: Bytes a second that its processes wrote while they were watched.
    """

    kind: str
    name: str
    data_dir: str = ""
    pids: tuple[int, ...] = ()
    hook: str = ""
    leave_out: tuple[str, ...] = ()
    bytes: int | None = None
    write_rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """What binds a server to its place, so that a copy elsewhere may not work.

    Attributes:
        kind: ``watchdog``, ``dongle``, ``licence``, ``hardware``, ``mapped-writer``.
        what: What was seen.
    """

    kind: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface with its addresses (``a.b.c.d/len``)."""

    name: str
    mac: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A line that names something of the old machine.

    Attributes:
        line: From 1.
        text: The line, cut to a readable length.
        names: What it names: addresses and interfaces, in the order they were asked for.
    """

    path: str
    line: int
    text: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The source. ``root`` is where its root file system is mounted for us (``/`` when live)."""

    root: str
    live: bool
    hostname: str
    machine_id: str
    architecture: str
    os_id: str
    os_like: tuple[str, ...]
    os_version: str
    os_name: str
    firmware: Firmware
    cpus: int
    memory: int
    disks: tuple[Disk, ...]
    file_systems: tuple[FileSystem, ...]
    swaps: tuple[FileSystem, ...] = ()
    stacked: tuple[Stacked, ...] = ()
    groups: tuple[VolumeGroup, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    mentions: tuple[Mention, ...] = ()
    """Lines of configuration that name an address or interface of this machine."""
    workloads: tuple[Workload, ...] = ()
    ties: tuple[Tie, ...] = ()
    listening: tuple[int, ...] = ()
    """TCP ports that accept connections from elsewhere."""
    selinux: str = "absent"
    loader: str = ""
    """``grub2``, ``grub-legacy``, ``extlinux``, ``systemd-boot``, ``unified`` or empty."""
    loader_version: str = ""
    secure_boot: str = ""
    """``on``, ``off`` or ``setup`` (no keys: nothing is checked); empty: not known, or no UEFI."""
    startable: tuple[Firmware, ...] = ()
    """Firmware that boot loaders are installed for, whichever started it now."""
    virtualization: str = ""
    clock_skew: float | None = None
    """Seconds this clock is ahead of the cloud's; None when not measured."""
