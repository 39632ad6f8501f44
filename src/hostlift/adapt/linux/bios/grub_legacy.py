# SPDX-License-Identifier: Apache-2.0
"""GRUB legacy: its own shell, run in the copy, puts its stages on the disk."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.bios.embedding import Record, starts
from hostlift.adapt.linux.found.loaders import Loader
from hostlift.adapt.linux.guest_tool import run_tool
from hostlift.adapt.linux.templates import template
from hostlift.host.blockdev import partition_node
from hostlift.model.plan import TargetPartition

# It finds partitions by adding a digit to the disk's name, which nvme and loop disks do not bear.
_DISK = "/dev/sda"


def install(bench: Bench, loader: Loader, record: Record) -> bool:
    """Put it on the system disk; False when that was not possible, which is noted."""
    partition, _ = bench.layout.boot_folder
    if not isinstance(partition, TargetPartition) or not partition.number:
        return False
    # What it is told is its whole idea of the machine: there is no floppy and no device.map.
    orders = (
        f"device (hd0) {_DISK}",
        f"root (hd0,{partition.number - 1})",
        "setup (hd0)",
        "quit",
    )
    script = template("grub-legacy.sh").decode()
    record(b"")
    problem = run_tool(
        bench,
        ["sh", "-ec", script, loader.install, *_nodes(bench)],
        watched=[loader.folder],
        adaptation="boot-code",
        why="GRUB legacy's stages for the new disk",
        stdin=("\n".join(orders) + "\n").encode(),
    )
    # Its shell says that all went well, whatever happened.
    if not problem and not starts(bench.devices[0]):
        problem = "it wrote nothing"
    if problem:
        bench.note(f"no boot code by the copy's GRUB legacy: {problem}")
    return not problem


def _nodes(bench: Bench) -> Iterator[str]:
    """Our nodes of the disk and its partitions, each with the name GRUB shall know it by."""
    disk = bench.layout.system_disk
    yield from (bench.devices[0], _DISK)
    for partition in disk.partitions if disk is not None else ():
        yield from (
            partition_node(bench.devices[0], partition.number),
            f"{_DISK}{partition.number}",
        )
