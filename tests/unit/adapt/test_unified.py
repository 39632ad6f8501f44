# SPDX-License-Identifier: Apache-2.0
"""Unified kernel images: read, made anew by the copy's own maker, refused when they would not start."""

from __future__ import annotations

import gzip
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.layouts import ROOT_UUID, a_bench, an_order
from fakes.tree import MemoryTree
from fakes.unified import kernel, pe_image, unified_image

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import bzimage
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.found.initramfs_tools import TOOLS
from hostlift.adapt.linux.images.unified import missing, unified_images
from hostlift.adapt.linux.steps.boot import efi_loader, initramfs, unified
from hostlift.formats import cpio, pe
from hostlift.formats.cpio import Member

RELEASE = "6.12.30-amd64"
ESP = "/boot/efi"
PATH = f"{ESP}/EFI/Linux/debian-{RELEASE}.efi"
BOOT = b"MZ #### LoaderInfo: systemd-boot 257 ####"
DEP = """\
kernel/drivers/virtio/virtio_pci.ko.xz:
kernel/drivers/block/virtio_blk.ko.xz:
kernel/fs/ext4/ext4.ko.xz:
"""
FULL = ("virtio_pci", "virtio_blk", "ext4")
GOOD = f"root=UUID={ROOT_UUID} ro net.ifnames=0 biosdevname=0 console=tty0 console=ttyS0,115200n8"


def initrd(*modules: str) -> bytes:
    files = [
        Member(f"usr/lib/modules/{RELEASE}/kernel/{m}.ko.xz", stat.S_IFREG | 0o644, data=b"m")
        for m in modules
    ]
    return gzip.compress(cpio.write(files), mtime=0)


def an_image(*modules: str, line: str | None = GOOD, signed: bool = False) -> bytes:
    return unified_image(release=RELEASE, line=line, initrd=initrd(*modules), signed=signed)


def a_unified_bench(
    folder: Path, image: bytes, *, release: str = RELEASE, firmware: str = "uefi", **more: bytes
) -> Bench:
    tree = MemoryTree(
        {
            PATH: image,
            f"/lib/modules/{release}/modules.dep": DEP,
            f"/lib/modules/{release}/modules.builtin": "",
            **{name.replace("__", "/"): data for name, data in more.items()},
        }
    )
    order = replace(an_order(esp=True, firmware=firmware), rebuild_initramfs=False)
    return a_bench(tree, folder, ScriptedCommands(), order)


def run(bench: Bench) -> list[str]:
    for step in (initramfs.STEP, unified.STEP):
        step.apply(bench, Editor(bench.tree, bench.ledger, step.name))
    return [*initramfs.STEP.check(bench), *unified.STEP.check(bench)]


def test_a_system_that_has_nothing_but_a_unified_image_is_able_to_start(tmp_path: Path) -> None:
    """No kernel lies in /boot; the one inside has what it needs, and nothing is edited."""
    bench = a_unified_bench(tmp_path, an_image(*FULL))
    assert run(bench) == []
    assert bench.ledger.edits == ()
    assert bench.notes == ()


def test_missing_drivers_are_found_inside_and_told_with_a_remedy(tmp_path: Path) -> None:
    """Nothing can be appended to it, so it must be made anew on the source."""
    bench = a_unified_bench(tmp_path, an_image("ext4"))
    problems = run(bench)
    assert problems[0].startswith("no installed kernel can find its disk")
    assert problems[1].startswith(f"{PATH} lacks virtio_pci, virtio_blk: make it anew")
    assert "dracut: add_drivers" in problems[1]


def test_a_root_inside_that_the_target_does_not_have_is_told(tmp_path: Path) -> None:
    """A device name, or a logical volume that was flattened."""
    bench = a_unified_bench(tmp_path, an_image(*FULL, line=GOOD.replace("UUID=", "/dev/sda2#")))
    (problem,) = run(bench)
    assert "has root=/dev/sda2#" in problem


@pytest.mark.parametrize("line", [f"root=UUID={ROOT_UUID} quiet", None])
def test_cards_get_their_name_by_a_rule_where_the_line_inside_cannot_give_it(
    tmp_path: Path, line: str | None
) -> None:
    """The network is configured for eth0; undo takes the rule away."""
    bench = a_unified_bench(tmp_path, an_image(*FULL, line=line))
    before = dict(bench.tree.everything())
    assert run(bench) == []
    rule = bench.tree.read("/etc/systemd/network/10-hostlift-eth0.link")
    assert b"Driver=virtio_net" in rule
    assert b"Name=eth0" in rule
    (note,) = bench.notes
    assert "net.ifnames=0" in note
    bench.ledger.undo(bench.tree)
    assert bench.tree.everything() == before


def test_an_image_of_a_kernel_that_is_not_installed_is_noted(tmp_path: Path) -> None:
    """It is left alone, and does not count as a way to start."""
    bench = a_unified_bench(tmp_path, an_image(*FULL), release="6.1.0-1")
    assert run(bench)[0].startswith("no installed kernel")
    assert RELEASE in bench.notes[-1]


def test_the_kernel_tells_its_release_where_the_maker_does_not(tmp_path: Path) -> None:
    """As with images of dracut."""
    content = unified_image(release=RELEASE, line=GOOD, initrd=initrd(*FULL), says=False)
    bench = a_unified_bench(tmp_path, content)
    assert run(bench) == []
    assert [i.release for i in unified_images(bench)] == [RELEASE]
    assert bzimage.release(b"") == bzimage.release(kernel("")) == bzimage.release(bytes(999)) == ""


def test_a_copy_that_starts_by_bios_does_not_use_it(tmp_path: Path) -> None:
    """It is not even read."""
    bench = a_unified_bench(tmp_path, an_image(), firmware="bios")
    assert list(unified_images(bench)) == []


def test_the_image_that_the_firmware_starts_by_itself_is_looked_at_too(tmp_path: Path) -> None:
    """In EFI/BOOT there may be a unified image instead of a loader."""
    bench = a_unified_bench(tmp_path, an_image(*FULL))
    bench.tree.mkdir(f"{ESP}/EFI/BOOT")
    bench.tree.write(f"{ESP}/EFI/BOOT/BOOTX64.EFI", an_image("virtio_pci", "ext4"))
    found = {i.path: missing(bench, i) for i in unified_images(bench)}
    assert found == {PATH: [], f"{ESP}/EFI/BOOT/BOOTX64.EFI": ["virtio_blk"]}


def test_systemd_boot_of_the_packages_is_put_where_the_firmware_looks(tmp_path: Path) -> None:
    """It finds unified images by itself; an entry of the old firmware does not travel."""
    packaged = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"
    bench = a_unified_bench(tmp_path, an_image(*FULL), **{packaged: BOOT})
    efi_loader.STEP.apply(bench, Editor(bench.tree, bench.ledger, "efi-loader"))
    assert list(efi_loader.STEP.check(bench)) == []
    assert bench.tree.read(f"{ESP}/EFI/BOOT/BOOTX64.EFI") == BOOT


def test_without_any_loader_the_image_itself_is_started(tmp_path: Path) -> None:
    """That the copy grows old is told."""
    bench = a_unified_bench(tmp_path, an_image(*FULL))
    efi_loader.STEP.apply(bench, Editor(bench.tree, bench.ledger, "efi-loader"))
    assert list(efi_loader.STEP.check(bench)) == []
    assert bench.tree.read(f"{ESP}/EFI/BOOT/BOOTX64.EFI") == an_image(*FULL)
    assert "grows old" in bench.notes[0]
    assert run(bench) == []


def test_makers_are_told_the_command_line() -> None:
    """Or they would take that of the machine the copy is adapted on."""
    makers = {tool.name: tool for tool in TOOLS if tool.unified}
    assert set(makers) == {"dracut", "mkinitcpio"}
    own = {"release": "6.1", "image": PATH, "line": "root=UUID=x ro", "line_file": "/etc/line"}
    dracut = makers["dracut"].unified_command(**own, modules=["virtio_blk", "ext4"])
    assert dracut[dracut.index("--kernel-cmdline") + 1] == "root=UUID=x ro"
    assert dracut[dracut.index("--add-drivers") + 1] == "virtio_blk ext4"
    assert dracut[-2:] == [PATH, "6.1"]
    mkinitcpio = makers["mkinitcpio"].unified_command(**own, modules=["virtio_blk"])
    assert mkinitcpio[mkinitcpio.index("--cmdline") + 1] == "/etc/line"


def test_sections_are_read_without_their_padding_and_signatures_are_seen() -> None:
    """A name may be there twice (profiles)."""
    wanted = [(".cmdline", b"one"), (".cmdline", b"two"), (".linux", b"k" * 1000)]
    assert list(pe.sections(pe_image(wanted))) == wanted
    assert not pe.is_signed(pe_image(wanted))
    assert pe.is_signed(pe_image(wanted, signed=True))


def test_what_is_no_whole_image_has_fewer_sections_and_never_an_error() -> None:
    """Cut anywhere, or something else altogether."""
    image = an_image(*FULL)
    whole = list(pe.sections(image))
    for end in range(0, len(image), 7):
        found = list(pe.sections(image[:end]))
        assert [name for name, _ in found] == [name for name, _ in whole[: len(found)]]
        pe.is_signed(image[:end])
    assert list(pe.sections(b"#!/bin/sh\n")) == []
    assert list(pe.sections(b"MZ" + b"\xff" * 200)) == []
