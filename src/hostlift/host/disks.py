# SPDX-License-Identifier: Apache-2.0
"""Making partition tables and file systems as a plan says.

Promises: identities (disk id, PARTUUID, UUID, label) are the plan's; an ext4 or XFS feature is
made only when the source had it, and never one that the cloud's import or the guest's old boot
loader could not read (64bit, metadata_csum_seed, orphan_file below 16 TiB).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.blockdev import device_size, flush, partition_node, sector_size, wait_for_node
from hostlift.model.machine import TableKind
from hostlift.model.plan import Area, Content, TargetDisk, TargetPartition
from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands

_TABLE_TIMEOUT = 60.0
_MKFS_TIMEOUT = 900.0
_NODE_TIMEOUT = 20.0
_POLL = 0.1
_SYSFS_SECTOR = 512
_USUAL_FIRST_SECTOR = 2048
_TIB16 = 16 << 40
_SMALLEST_FAT32 = 64 << 20
_BYTES_PER_INODE = 16384
_XFS_SMALLEST = 300 << 20

_EXT_SETTABLE = frozenset(
    [
        "has_journal",
        "ext_attr",
        "resize_inode",
        "dir_index",
        "filetype",
        "extent",
        "extents",
        "flex_bg",
        "meta_bg",
        "sparse_super",
        "sparse_super2",
        "large_file",
        "huge_file",
        "dir_nlink",
        "extra_isize",
        "metadata_csum",
        "uninit_bg",
        "64bit",
        "inline_data",
        "large_dir",
        "ea_inode",
        "quota",
        "project",
        "verity",
        "encrypt",
        "casefold",
        "mmp",
    ]
)
_EXT_UNREADABLE = frozenset({"64bit", "metadata_csum_seed", "orphan_file"})
_EXT_DEFAULT = {
    "ext2": ["ext_attr", "resize_inode", "dir_index", "filetype", "sparse_super", "large_file"],
    "ext3": [
        "has_journal",
        "ext_attr",
        "resize_inode",
        "dir_index",
        "filetype",
        "sparse_super",
        "large_file",
    ],
    "ext4": [
        "has_journal",
        "ext_attr",
        "resize_inode",
        "dir_index",
        "filetype",
        "extent",
        "flex_bg",
        "sparse_super",
        "large_file",
        "huge_file",
        "dir_nlink",
        "extra_isize",
    ],
}
_XFS_SECTIONS = {
    "-m": ("crc", "finobt", "rmapbt", "reflink", "bigtime", "inobtcount"),
    "-i": ("sparse", "nrext64"),
}


def sfdisk_script(disk: TargetDisk, sector: int) -> str:
    """What sfdisk reads to make ``disk``'s table on a device with sectors of ``sector`` bytes."""
    if disk.table is None:
        raise HostError("this disk has no partition table", subject=f"disk {disk.index}")
    lines = [f"label: {disk.table.value}", "unit: sectors"]
    if disk.table_id:
        lines.append(f"label-id: {_table_id(disk)}")
    first = min((p.start // sector for p in disk.partitions), default=_USUAL_FIRST_SECTOR)
    if first < _USUAL_FIRST_SECTOR:
        lines.append(f"first-lba: {first}")
    lines.extend(_partition_line(disk.table, p, sector) for p in disk.partitions)
    return "\n".join(lines) + "\n"


def make_table(device: str, disk: TargetDisk, *, commands: Commands, clock: Clock) -> None:
    """Write the partition table and wait until the kernel has a node for each partition."""
    script = sfdisk_script(disk, sector_size(device)).encode()
    argv = ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--wipe=always"]
    commands.run([*argv, "--wipe-partitions=always", device], timeout=_TABLE_TIMEOUT, stdin=script)
    flush(device)
    show_partitions(device, disk, commands=commands, clock=clock)


def show_partitions(device: str, disk: TargetDisk, *, commands: Commands, clock: Clock) -> None:
    """See to it that the kernel knows ``disk``'s partitions, also one that cannot read tables.

    Raises:
        HostError: It still does not after a while.
    """
    deadline = clock.monotonic() + _NODE_TIMEOUT
    while not all(knows_partition(device, p) for p in disk.partitions):
        if clock.monotonic() >= deadline:
            raise HostError("the kernel does not show its partitions", subject=device)
        # Not --update: it stops at a gap in the numbers. Each half may find its work done already.
        commands.run(["partx", "--delete", device], timeout=_TABLE_TIMEOUT, check=False)
        commands.run(["partx", "--add", device], timeout=_TABLE_TIMEOUT, check=False)
        clock.sleep(_POLL)
    for partition in disk.partitions:
        wait_for_node(node_of(device, partition), clock=clock, timeout=_NODE_TIMEOUT)


def refresh_partitions(device: str, disk: TargetDisk, *, commands: Commands, clock: Clock) -> None:
    """Make the kernel forget what it knew of a disk's partitions, then as `show_partitions`."""
    commands.run(["partx", "--delete", device], timeout=_TABLE_TIMEOUT, check=False)
    show_partitions(device, disk, commands=commands, clock=clock)


def knows_partition(device: str, partition: TargetPartition) -> bool:
    """True when the kernel's idea of a partition starts where the plan says; disks always do."""
    if partition.number == 0:
        return True
    start = Path("/sys/class/block", Path(node_of(device, partition)).name, "start")
    try:
        return int(start.read_text(encoding="ascii")) * _SYSFS_SECTOR == partition.start
    except OSError:
        return False


def make_file_system(node: str, area: Area, *, commands: Commands) -> None:
    """Make what an area shall hold; one that holds nothing is left alone."""
    if not area.file_system:
        return
    argv = mkfs_argv(node, area, device_size(node))
    commands.run(argv, timeout=_MKFS_TIMEOUT)
    flush(node)


def mkfs_argv(node: str, area: Area, size: int) -> list[str]:
    """The command line that makes an area's file system.

    Raises:
        HostError: We cannot make this kind.
    """
    makers: dict[str, Callable[[Area, int], list[str]]] = {
        "ext2": _ext,
        "ext3": _ext,
        "ext4": _ext,
        "xfs": _xfs,
        "btrfs": _btrfs,
        "swap": _swap,
        "vfat": _vfat,
    }
    maker = makers.get(area.file_system)
    if maker is None:
        raise HostError(f"cannot make a file system of kind {area.file_system}", subject=node)
    return [*maker(area, size), node]


def check_file_system(node: str, kind: str, *, commands: Commands) -> str:
    """Check an unmounted file system without changing it; returns what to tell a person.

    Raises:
        CommandFailed: It has errors.
    """
    checkers = {
        "ext2": ["e2fsck", "-fn"],
        "ext3": ["e2fsck", "-fn"],
        "ext4": ["e2fsck", "-fn"],
        "xfs": ["xfs_repair", "-n"],
        "btrfs": ["btrfs", "check", "--readonly"],
    }
    checker = checkers.get(kind)
    if checker is None:
        return "not checked"
    done = commands.run([*checker, node], timeout=_MKFS_TIMEOUT)
    last = done.text.strip().splitlines()[-1:]
    return f"clean ({last[0].strip()})" if last and kind.startswith("ext") else "clean"


def node_of(device: str, partition: TargetPartition) -> str:
    """The node a partition of a plan has on ``device``."""
    return partition_node(device, partition.number)


def _table_id(disk: TargetDisk) -> str:
    bare = disk.table is TableKind.MBR and not disk.table_id.lower().startswith("0x")
    return f"0x{disk.table_id}" if bare else disk.table_id


def _partition_line(table: TableKind, partition: TargetPartition, sector: int) -> str:
    if partition.start % sector or partition.size % sector:
        raise HostError(
            f"starts or ends inside a sector of {sector} bytes",
            subject=f"partition {partition.number}",
        )
    start, size = partition.start // sector, partition.size // sector
    fields = [f"start={start}", f"size={size}", f"type={partition.type}"]
    if table is TableKind.MBR:
        fields += ["bootable"] if partition.bootable else []
    else:
        fields += [f"uuid={partition.uuid}"] if partition.uuid else []
        fields += [f'name="{_escaped(partition.name)}"'] if partition.name else []
        fields += ['attrs="LegacyBIOSBootable"'] if partition.bootable else []
    return f"{partition.number} : " + ", ".join(fields)


def _escaped(name: str) -> str:
    """Escapes of sfdisk: a quote in a name must not end it."""
    return "".join(c if c not in '"\\' else f"\\x{ord(c):02x}" for c in name)


def _ext(area: Area, size: int) -> list[str]:
    kind = area.file_system
    wanted = [f for f in area.fs_features if f in _EXT_SETTABLE] or _EXT_DEFAULT[kind]
    if size < _TIB16:
        wanted = [f for f in wanted if f not in _EXT_UNREADABLE]
    argv = ["mke2fs", "-q", "-F", "-t", kind, "-O", ",".join(["none", *wanted])]
    argv += ["-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"]
    argv += ["-U", area.fs_uuid] if area.fs_uuid else []
    argv += ["-L", area.fs_label] if area.fs_label else []
    argv += ["-I", str(area.fs_inode_size)] if area.fs_inode_size else []
    if area.fs_inodes:
        argv += ["-N", str(max(area.fs_inodes, size // _BYTES_PER_INODE))]
    return argv


def _xfs(area: Area, size: int) -> list[str]:
    argv = ["mkfs.xfs", "-q", "-f", "-K"]
    for section, names in _XFS_SECTIONS.items():
        values = [f"{name}={int(_xfs_has(area, name))}" for name in names]
        if section == "-m" and area.fs_uuid:
            values.append(f"uuid={area.fs_uuid}")
        if section == "-i" and area.fs_inode_size:
            values.append(f"size={area.fs_inode_size}")
        argv += [section, ",".join(values)]
    argv += ["-L", area.fs_label] if area.fs_label else []
    return [*argv, "--unsupported"] if size < _XFS_SMALLEST else argv


def _xfs_has(area: Area, name: str) -> bool:
    features = area.fs_features
    if not features:
        return name == "crc"  # what every kernel since 3.15 can mount
    return name in features or f"{name}=1" in features


def _btrfs(area: Area, _size: int) -> list[str]:
    argv = ["mkfs.btrfs", "-q", "-f", "-K"]
    present = {f.replace("_", "-") for f in area.fs_features}
    argv += [] if "no-holes" in present else ["-O", "^no-holes"]
    argv += [] if "free-space-tree" in present else ["-R", "^free-space-tree"]
    argv += ["-U", area.fs_uuid] if area.fs_uuid else []
    return [*argv, "-L", area.fs_label] if area.fs_label else argv


def _swap(area: Area, _size: int) -> list[str]:
    argv = ["mkswap", "-f"]
    argv += ["-U", area.fs_uuid] if area.fs_uuid else []
    return [*argv, "-L", area.fs_label] if area.fs_label else argv


def _vfat(area: Area, _size: int) -> list[str]:
    argv = ["mkfs.vfat"]
    # Firmware need not read FAT16 on a disk; smaller ones cannot be FAT32.
    large = area.content is Content.ESP and area.size >= _SMALLEST_FAT32
    argv += ["-F", "32"] if large else []
    argv += ["-i", area.fs_uuid.replace("-", "")] if area.fs_uuid else []
    return [*argv, "-n", area.fs_label] if area.fs_label else argv
