# SPDX-License-Identifier: Apache-2.0
"""Making partitions and file systems longer on a disk that has grown; what they hold is kept.

Promise: each part can be done again, so what was interrupted anywhere is finished by doing all of it
once more.
"""

from __future__ import annotations

from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.areas import area_node
from hostlift.host.blockdev import device_size, flush, sector_size
from hostlift.host.disks import refresh_partitions, sfdisk_script
from hostlift.host.mounts import mounted
from hostlift.model.plan import Area, TargetDisk
from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands

_TABLE_TIMEOUT = 60.0
_RESIZE_TIMEOUT = 3600.0
_APPEARANCE = 120.0
_POLL = 0.5
_GIB = 1 << 30
_CORRECTED = 1
"""e2fsck's status when what it mended is mended."""


def wait_for_size(device: str, size_gib: int, *, clock: Clock) -> None:
    """Wait until the kernel shows a disk in its new size.

    Raises:
        HostError: It does not.
    """
    deadline = clock.monotonic() + _APPEARANCE
    while device_size(device) < size_gib * _GIB:
        if clock.monotonic() >= deadline:
            raise HostError(
                f"the disk does not show its {size_gib} GiB",
                subject=device,
                hint="Run the same command again: the disk may have grown only in the cloud so far.",
            )
        clock.sleep(_POLL)


def grow_table(device: str, disk: TargetDisk, *, commands: Commands, clock: Clock) -> None:
    """Write the table anew, the last partition longer; nothing on the partitions is touched."""
    if disk.table is None:
        return
    script = sfdisk_script(disk, sector_size(device)).encode()
    argv = ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--wipe=never"]
    commands.run([*argv, "--wipe-partitions=never", device], timeout=_TABLE_TIMEOUT, stdin=script)
    flush(device)
    refresh_partitions(device, disk, commands=commands, clock=clock)


def grow_file_system(device: str, area: Area, scratch: Path, *, commands: Commands) -> None:
    """Let an unmounted file system take the room that its area has now.

    Args:
        scratch: A folder to mount it on meanwhile, where that is needed; made when it is missing.

    Raises:
        HostError: It is damaged, or its tool refused.
    """
    with area_node(device, area, commands=commands) as node:
        match area.file_system:
            case "ext2" | "ext3" | "ext4":
                done = commands.run(["e2fsck", "-fp", node], timeout=_RESIZE_TIMEOUT, check=False)
                if done.status > _CORRECTED:
                    raise HostError(f"it has errors: {done.text.strip()}", subject=node)
                commands.run(["resize2fs", node], timeout=_RESIZE_TIMEOUT)
            case "xfs":
                _mounted_run(node, area, scratch, ["xfs_growfs", str(scratch)], commands)
            case "btrfs":
                argv = ["btrfs", "filesystem", "resize", "max", str(scratch)]
                _mounted_run(node, area, scratch, argv, commands)
            case other:
                raise HostError(f"a file system of kind {other} cannot grow", subject=node)
        flush(node)


def _mounted_run(node: str, area: Area, scratch: Path, argv: list[str], commands: Commands) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    options = ("nouuid",) if area.file_system == "xfs" else ()
    with mounted(node, scratch, kind=area.file_system, options=options):
        commands.run(argv, timeout=_RESIZE_TIMEOUT)
