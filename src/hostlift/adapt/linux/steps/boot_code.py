# SPDX-License-Identifier: Apache-2.0
"""Boot code: what BIOS or UEFI starts on the new system disk.

BIOS: the copy's own ``boot.img`` and ``core.img`` are embedded when the latter finds the new disk
(same partition number, or it searches by file system id, which is the same); that is what
grub-install does in the end. Otherwise grub-install is run in the copy. UEFI: entries in the
firmware's memory do not travel, so the loader is put where every firmware looks.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import grubcore
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.embedding import NoRoom, embed, embedded
from hostlift.adapt.linux.family import has_program
from hostlift.adapt.linux.grub import run_tool, uses_grub
from hostlift.adapt.snapshot import ABSENT, Snapshot
from hostlift.model.adaptation import EditKind
from hostlift.model.machine import TableKind

_NAME = "boot-code"
_WHY = "boot code on the new system disk"
_ESP = "/boot/efi"
_FALLBACK = f"{_ESP}/EFI/BOOT"
_LOADERS = ("shimx64.efi", "grubx64.efi")


def apply(bench: Bench, edit: Editor) -> None:
    """Put it there."""
    if bench.order.firmware == "uefi":
        _efi(bench, edit)
    elif not uses_grub(bench):
        bench.note("the copy has no GRUB 2: how it starts on ECS is not known")
    elif not _embed_own(bench):
        _grub_install(bench)


def check(bench: Bench) -> Iterator[str]:
    """There is something to start."""
    if bench.order.firmware == "uefi":
        if not bench.tree.exists(f"{_FALLBACK}/BOOTX64.EFI"):
            yield f"there is no {_FALLBACK}/BOOTX64.EFI for the firmware to start"
    elif uses_grub(bench) and not embedded(bench.devices[0]):
        yield "the first sector of the system disk holds no boot code"


def _embed_own(bench: Bench) -> bool:
    """Embed the copy's own images; False when they are missing or would look elsewhere."""
    images = _images(bench)
    disk = bench.layout.system_disk
    if images is None or disk is None or disk.table is None or not _finds_us(bench, images[1]):
        return False
    try:
        _record(bench, b"".join(images))
        embed(bench.devices[0], disk, *images)
    except NoRoom as error:
        bench.note(f"GRUB's own images were not embedded: {error}")
        return False
    return True


def _images(bench: Bench) -> tuple[bytes, bytes] | None:
    """``boot.img`` and ``core.img`` as grub-install left them in the copy."""
    folder = f"{bench.family.grub_folder}/i386-pc"
    try:
        return bench.tree.read(f"{folder}/boot.img"), bench.tree.read(f"{folder}/core.img")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _finds_us(bench: Bench, core: bytes) -> bool:
    inside = grubcore.inspect(core)
    partition, boot_folder = bench.layout.boot_folder
    disk = bench.layout.system_disk
    if inside is None or partition is None or disk is None:
        return False
    if inside.searches:
        return inside.searches[-1].lower() == partition.fs_uuid.lower()
    table = "gpt" if disk.table is TableKind.GPT else "msdos"
    name = bench.family.grub_folder.removeprefix("/boot")
    return (
        partition in disk.partitions
        and (inside.table, inside.number) == (table, partition.number)
        and inside.path == f"{boot_folder}{name}"
    )


def _grub_install(bench: Bench) -> None:
    disk = bench.devices[0]
    argv = [word.format(disk=disk) for word in bench.family.grub_install]
    if not has_program(bench.tree, argv[0]):
        bench.note(f"the copy has no {argv[0]} and no images of GRUB that fit the new disk")
        return
    _record(bench, b"")
    problem = run_tool(bench, argv, adaptation=_NAME, why=_WHY)
    if problem:
        bench.note(f"{argv[0]} failed in the copy: {problem}")
    _record(bench, b"".join(_images(bench) or ()))


def _record(bench: Bench, code: bytes) -> None:
    """Boot code lies outside every file; the disk was blank, so there is nothing to go back to."""
    serial = bench.order.serials.get(0, "0")
    path = f"/dev/disk/by-id/virtio-{serial[:20]}"
    after = Snapshot("other", 0, 0, code)
    bench.ledger.record(_NAME, path, _WHY, before=ABSENT, after=after, kind=EditKind.BOOT_CODE)


def _efi(bench: Bench, edit: Editor) -> None:
    if bench.tree.exists(f"{_FALLBACK}/BOOTX64.EFI"):
        return
    for vendor in bench.names(f"{_ESP}/EFI"):
        folder = f"{_ESP}/EFI/{vendor}"
        found = [name for name in _LOADERS if bench.tree.exists(f"{folder}/{name}")]
        if vendor == "BOOT" or not found:
            continue
        why = "the place where every firmware looks; entries in its memory do not travel"
        first = bench.tree.read(f"{folder}/{found[0]}")
        edit.write(f"{_FALLBACK}/BOOTX64.EFI", first, why)
        for name in (*found[1:], "grub.cfg"):
            if bench.tree.exists(f"{folder}/{name}"):
                edit.write(f"{_FALLBACK}/{name}", bench.tree.read(f"{folder}/{name}"), why)
        return


STEP = Step(_NAME, "Make the new system disk startable.", apply, check)
