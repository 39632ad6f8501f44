# SPDX-License-Identifier: Apache-2.0
"""Boot code for BIOS, embedded without running anything."""

from __future__ import annotations

import lzma
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.layouts import MIB, ORDER, ROOT, ROOT_UUID, SYSTEM_DISK, a_bench
from fakes.tree import MemoryTree

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import grubcore
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.steps.boot.boot_code import STEP
from hostlift.model.adaptation import EditKind
from hostlift.model.machine import TableKind
from hostlift.model.plan import Content, TargetPartition

BOOT = b"\xeb\x63\x90" + b"B" * 437 + b"T" * 70 + b"\x55\xaa"


def core(payload: bytes) -> bytes:
    """A core image as grub-mkimage lays it out, with this inside."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    packed = lzma.compress(payload, lzma.FORMAT_RAW, filters=filters)
    numbers = (len(packed).to_bytes(4, "little"), len(payload).to_bytes(4, "little"), bytes(4))
    return b"D" * 512 + b"\xea" * 8 + b"".join(numbers) + b"decompressor" * 100 + packed


BY_NUMBER = core(b"kernel\0(,msdos1)/boot/grub\0modules" * 3)
BY_UUID = core(b"search.fs_uuid " + ROOT_UUID.encode() + b" root hd0,msdos7\nset prefix\n\0")


def guest(image: bytes) -> MemoryTree:
    return MemoryTree({"/boot/grub/i386-pc/boot.img": BOOT, "/boot/grub/i386-pc/core.img": image})


def run(bench: Bench) -> list[str]:
    STEP.apply(bench, Editor(bench.tree, bench.ledger, STEP.name))
    return list(STEP.check(bench))


@pytest.mark.parametrize("image", [BY_NUMBER, BY_UUID], ids=["by-number", "by-uuid"])
def test_own_images_are_embedded_into_the_gap(tmp_path: Path, image: bytes) -> None:
    """Boot code leads to the core; disk id, table and signature stay; no process runs."""
    bench = a_bench(guest(image), tmp_path, ScriptedCommands())
    disk = Path(bench.devices[0])
    content = bytearray(disk.read_bytes())
    content[440:512] = bytes(range(72))
    disk.write_bytes(content)
    assert run(bench) == []
    written = disk.read_bytes()
    assert written[440:512] == bytes(range(72))
    assert written[:4] == BOOT[:4]
    assert int.from_bytes(written[0x5C:0x64], "little") == 1
    assert written[0x66:0x68] == b"\x90\x90"
    assert int.from_bytes(written[512 + 0x1F4 : 512 + 0x1FC], "little") == 2
    assert written[1024 : 512 + len(image)] == image[512:]
    assert not any(written[512 + len(image) : MIB])
    (edit,) = bench.ledger.edits
    assert edit.kind is EditKind.BOOT_CODE
    assert run(a_bench(bench.tree, tmp_path, ScriptedCommands())) == []
    assert disk.read_bytes() == written


def test_on_gpt_the_core_lies_in_the_bios_boot_partition(tmp_path: Path) -> None:
    """And nothing is written into the gap, where the table is."""
    boot = TargetPartition(
        number=1, start=MIB, size=MIB, type="", content=Content.BIOS_BOOT, name="bios"
    )
    root = replace(ROOT, number=2, start=2 * MIB)
    disk = replace(SYSTEM_DISK, table=TableKind.GPT, partitions=(boot, root))
    volumes = (replace(ORDER.volumes[0], partition=2),)
    order = replace(ORDER, disks=(disk,), volumes=volumes)
    image = core(b"(,gpt2)/boot/grub\0")
    bench = a_bench(guest(image), tmp_path, ScriptedCommands(), order)
    assert run(bench) == []
    written = Path(bench.devices[0]).read_bytes()
    assert written[MIB + 512 : MIB + len(image)] == image[512:]
    assert not any(written[512:MIB])
    assert int.from_bytes(written[0x5C:0x64], "little") == MIB // 512


@pytest.mark.parametrize(
    "image",
    [
        core(b"(,msdos5)/boot/grub\0"),
        core(b"(,gpt1)/boot/grub\0"),
        core(b"(,msdos1)/grub\0"),
        b"junk" * 400,
    ],
    ids=["other-partition", "other-table", "other-folder", "unreadable"],
)
def test_images_that_look_elsewhere_are_not_embedded(tmp_path: Path, image: bytes) -> None:
    """Without grub-install in the copy the check says that nothing starts."""
    bench = a_bench(guest(image), tmp_path, ScriptedCommands())
    (problem,) = run(bench)
    assert problem.startswith("the first sector of the system disk holds no boot code: install")
    assert "grub-install" in bench.notes[0]
    assert not any(Path(bench.devices[0]).read_bytes())


def test_a_separate_boot_partition_is_where_the_core_looks(tmp_path: Path) -> None:
    """Its prefix lacks /boot."""
    boot = replace(ROOT, number=2, start=100 * MIB, fs_uuid="other", mount_point="/boot")
    disk = replace(SYSTEM_DISK, partitions=(ROOT, boot))
    volumes = (*ORDER.volumes, replace(ORDER.volumes[0], id="b", partition=2, mount_point="/boot"))
    order = replace(ORDER, disks=(disk, *ORDER.disks[1:]), volumes=volumes)
    assert run(a_bench(guest(core(b"(,msdos2)/grub\0")), tmp_path, ScriptedCommands(), order)) == []


def test_a_core_read_back_from_a_disk_is_not_trusted() -> None:
    """Its error correction belongs to the old place."""
    image = bytearray(BY_NUMBER)
    image[512 + 0x10] = 1
    assert grubcore.inspect(bytes(image)) is None


def test_a_copy_without_a_loader_is_noted(tmp_path: Path) -> None:
    """How it starts is not known; nothing is written."""
    bench = a_bench(MemoryTree(), tmp_path, ScriptedCommands())
    assert run(bench) == []
    assert "no boot loader" in bench.notes[0]
    assert bench.ledger.edits == ()
