# SPDX-License-Identifier: Apache-2.0
"""GRUB 2 for BIOS.

The copy's own ``boot.img`` and ``core.img`` are embedded when the latter finds the new disk (same
partition number, or it searches by file system id, which is the same); that is what grub-install
does in the end. Otherwise grub-install is run in the copy.
"""

from __future__ import annotations

from hostlift.adapt.formats import grubcore
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.bios.embedding import NoRoom, Record, embed
from hostlift.adapt.linux.found.loaders import Loader
from hostlift.adapt.linux.guest_tool import run_tool
from hostlift.adapt.reading import data
from hostlift.model.machine import TableKind
from hostlift.model.plan import TargetPartition

_TARGET = "i386-pc"


def install(bench: Bench, loader: Loader, record: Record) -> bool:
    """Put it on the system disk; False when that was not possible, which is noted."""
    return _embed_own(bench, loader, record) or _grub_install(bench, loader, record)


def _embed_own(bench: Bench, loader: Loader, record: Record) -> bool:
    """Embed the copy's own images; False when they are missing or would look elsewhere."""
    images = _images(bench, loader)
    disk = bench.layout.system_disk
    if images is None or disk is None or disk.table is None:
        return False
    if not _finds_us(bench, loader, images[1]):
        return False
    try:
        record(b"".join(images))
        embed(bench.devices[0], disk, *images)
    except NoRoom as error:
        bench.note(f"GRUB's own images were not embedded: {error}")
        return False
    return True


def _images(bench: Bench, loader: Loader) -> tuple[bytes, bytes] | None:
    """``boot.img`` and ``core.img`` as grub-install left them in the copy."""
    boot = data(bench.tree, f"{loader.folder}/{_TARGET}/boot.img")
    core = data(bench.tree, f"{loader.folder}/{_TARGET}/core.img")
    return (boot, core) if boot is not None and core is not None else None


def _finds_us(bench: Bench, loader: Loader, core: bytes) -> bool:
    inside = grubcore.inspect(core)
    area, boot_folder = bench.layout.boot_folder
    disk = bench.layout.system_disk
    if inside is None or area is None or disk is None:
        return False
    if inside.searches:
        return inside.searches[-1].lower() == area.fs_uuid.lower()
    if inside.path != f"{boot_folder}{loader.folder.removeprefix('/boot')}":
        return False
    if inside.logical:
        return bench.layout.is_logical(area, inside.logical)
    table = "gpt" if disk.table is TableKind.GPT else "msdos"
    number = area.number if isinstance(area, TargetPartition) and area in disk.partitions else 0
    return bool(number) and (inside.table, inside.number) == (table, number)


def _grub_install(bench: Bench, loader: Loader, record: Record) -> bool:
    argv = [loader.install, f"--target={_TARGET}", "--recheck", bench.devices[0]]
    record(b"")
    problem = run_tool(
        bench, argv, watched=[loader.folder], adaptation="boot-code", why=f"{loader.install} ran"
    )
    if problem:
        bench.note(f"no boot code by the copy's {loader.install}: {problem}")
        return False
    record(b"".join(_images(bench, loader) or ()))
    return True
