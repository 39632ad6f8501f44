# SPDX-License-Identifier: Apache-2.0
"""An EFI partition that the source did not have: no files are copied to it, adaptation fills it.

It is made anew for every adaptation, so that one which was interrupted leaves nothing in it; packages
may have put their loader where it is mounted, so what lies there in the copy is put into it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from hostlift.adapt.editor import Editor
from hostlift.adapt.ledger import Ledger
from hostlift.agent.targets import inside
from hostlift.errors import HostError
from hostlift.host.disks import make_file_system, node_of
from hostlift.host.mounts import mounted
from hostlift.host.tree import RootTree
from hostlift.model.adaptation import AdaptOrder
from hostlift.model.plan import Content, TargetDisk, TargetPartition
from hostlift.ports.commands import Commands

_NAME = "efi-partition"
_WHY = "the EFI partition is mounted there"
_OPTIONS = ("umask=0022", "quiet")
"""It has no owners and modes; to set them is no error."""


def added(order: AdaptOrder) -> Iterator[tuple[TargetDisk, TargetPartition]]:
    """EFI partitions with a place in the system, but nothing of the source in them."""
    filled = {(v.disk, v.partition) for v in order.volumes}
    for disk in order.disks:
        for partition in disk.partitions:
            wanted = partition.content is Content.ESP and partition.mount_point
            if wanted and (disk.index, partition.number) not in filled:
                yield disk, partition


@contextlib.contextmanager
def efi_in_place(
    order: AdaptOrder,
    root: Path,
    *,
    devices: Mapping[int, str],
    ledger: Path,
    commands: Commands,
) -> Iterator[None]:
    """Show such a partition in the assembled copy for the length of the block.

    Args:
        devices: Target disk index -> device node.
        ledger: Folder of the record of edits; the folder to mount on is one.

    Raises:
        HostError: It cannot be made or mounted.
    """
    with contextlib.ExitStack() as stack:
        for disk, partition in added(order):
            Editor(RootTree(root), Ledger(ledger), _NAME).folder(partition.mount_point, _WHY)
            place = inside(root, partition.mount_point)
            node = node_of(devices[disk.index], partition)
            make_file_system(node, partition, commands=commands)
            packaged = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, packaged)
            stack.enter_context(mounted(node, place, kind=partition.file_system, options=_OPTIONS))
            try:
                _fill(packaged, place)
            except OSError as error:
                raise HostError(
                    f"packaged boot files cannot be put on it: {error}", subject=node
                ) from error
        yield


def _fill(packaged: int, place: Path) -> None:
    """Copy plain files and folders; FAT holds nothing else."""
    for folder, folders, names, fd in os.fwalk(".", dir_fd=packaged):
        target = place / folder
        for name in folders:
            (target / name).mkdir(exist_ok=True)
        for name in names:
            if stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
                with open(source, "rb") as old, (target / name).open("wb") as new:
                    shutil.copyfileobj(old, new)
