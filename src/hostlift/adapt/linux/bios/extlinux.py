# SPDX-License-Identifier: Apache-2.0
"""extlinux: its program writes the loader into the folder, its first sector finds the active partition."""

from __future__ import annotations

from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.bios.embedding import Record, write_boot_sector
from hostlift.adapt.linux.found.loaders import Loader
from hostlift.adapt.linux.guest_tool import run_tool
from hostlift.adapt.reading import data
from hostlift.model.machine import TableKind

_FOLDERS = (
    "/usr/lib/syslinux/mbr",
    "/usr/lib/EXTLINUX",
    "/usr/share/syslinux",
    "/usr/lib/syslinux/bios",
    "/usr/lib/syslinux",
)


def install(bench: Bench, loader: Loader, record: Record) -> bool:
    """Put it on the system disk; False when that was not possible, which is noted."""
    record(b"")
    problem = run_tool(
        bench,
        [loader.install, "--install", loader.folder],
        watched=[loader.folder],
        adaptation="boot-code",
        why="extlinux's loader for the new disk",
    )
    sector = _first_sector(bench)
    if not problem and not sector:
        problem = "the copy has no mbr.bin of syslinux"
    if problem:
        bench.note(f"no boot code by the copy's extlinux: {problem}")
        return False
    record(sector)
    write_boot_sector(bench.devices[0], sector)
    return True


def _first_sector(bench: Bench) -> bytes:
    disk = bench.layout.system_disk
    gpt = disk is not None and disk.table is TableKind.GPT
    name = "gptmbr.bin" if gpt else "mbr.bin"
    found = (data(bench.tree, f"{folder}/{name}") for folder in _FOLDERS)
    return next((sector for sector in found if sector), b"")
