# SPDX-License-Identifier: Apache-2.0
"""Loaders for UEFI, put where every firmware looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.layouts import ROOT_UUID, a_bench, an_order
from fakes.tree import MemoryTree

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.steps.boot.efi_loader import STEP

SHIM = b"MZ UEFI SHIM\n$Version: 15.8 $"
GRUB = b"MZ GRUB /EFI/debian\0"
STUB = b"search.fs_uuid x root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
ESP = "/boot/efi/EFI"


def a_uefi_bench(files: dict[str, bytes], folder: Path) -> Bench:
    tree = MemoryTree({**files, "/boot/grub/grub.cfg": "menu", "/boot/efi/EFI/": b""})
    return a_bench(tree, folder, ScriptedCommands(), an_order(esp=True))


def run(bench: Bench) -> list[str]:
    STEP.apply(bench, Editor(bench.tree, bench.ledger, STEP.name))
    return list(STEP.check(bench))


def installed(vendor: str = "debian", **more: bytes) -> dict[str, bytes]:
    images = {"shimx64.efi": SHIM, "grubx64.efi": GRUB, "mmx64.efi": b"mm", "grub.cfg": STUB}
    return {f"{ESP}/{vendor}/{name}": data for name, data in {**images, **more}.items()}


def test_shim_is_started_and_finds_grub_and_its_menu_beside_it(tmp_path: Path) -> None:
    """The signed images are the vendor's, byte for byte."""
    bench = a_uefi_bench(installed(), tmp_path)
    assert run(bench) == []
    assert bench.tree.read(f"{ESP}/BOOT/BOOTX64.EFI") == SHIM
    assert bench.tree.read(f"{ESP}/BOOT/grubx64.efi") == GRUB
    assert bench.tree.read(f"{ESP}/BOOT/grub.cfg") == STUB
    assert bench.tree.listdir(f"{ESP}/BOOT") == ["BOOTX64.EFI", "grub.cfg", "grubx64.efi", "mmx64.efi"]  # fmt: skip


def test_a_shim_that_only_made_firmware_entries_starts_grub_instead(tmp_path: Path) -> None:
    """Red Hat's fallback: its helper would reset for ever on a machine that forgets entries."""
    files = installed("redhat") | {
        f"{ESP}/BOOT/BOOTX64.EFI": SHIM,
        f"{ESP}/BOOT/fbx64.efi": b"fallback",
    }
    bench = a_uefi_bench(files, tmp_path)
    assert run(bench) == []
    assert "fbx64.efi" not in bench.tree.listdir(f"{ESP}/BOOT")
    assert bench.tree.read(f"{ESP}/BOOT/grubx64.efi") == GRUB


def test_a_whole_menu_in_the_vendors_folder_is_pointed_to_not_copied(tmp_path: Path) -> None:
    """EL7 and EL8 keep it there; a copy would grow old with the next kernel."""
    menu = b"menuentry x {\n linuxefi /vmlinuz root=x\n}\n"
    bench = a_uefi_bench(installed("centos", **{"grub.cfg": menu}), tmp_path)
    assert run(bench) == []
    assert b"/EFI/centos" in bench.tree.read(f"{ESP}/BOOT/grub.cfg")
    assert bench.tree.read(f"{ESP}/centos/grub.cfg") == menu


def test_another_systems_loader_makes_room_for_the_copys(tmp_path: Path) -> None:
    """Windows put its own there; undo brings it back."""
    bench = a_uefi_bench(installed() | {f"{ESP}/Boot/bootx64.efi": b"MZ bootmgfw"}, tmp_path)
    assert run(bench) == []
    assert bench.tree.read(f"{ESP}/Boot/bootx64.efi") == SHIM
    assert bench.tree.listdir(ESP) == ["Boot", "debian"]
    bench.ledger.undo(bench.tree)
    assert bench.tree.read(f"{ESP}/Boot/bootx64.efi") == b"MZ bootmgfw"


def test_systemd_boot_is_enough_by_itself(tmp_path: Path) -> None:
    """Its entries lie in places of their own."""
    image = b"MZ #### LoaderInfo: systemd-boot 252 ####"
    bench = a_uefi_bench({f"{ESP}/systemd/systemd-bootx64.efi": image}, tmp_path)
    assert run(bench) == []
    assert bench.tree.listdir(f"{ESP}/BOOT") == ["BOOTX64.EFI"]


def test_a_system_that_started_by_bios_gets_the_signed_loader_of_its_packages(
    tmp_path: Path,
) -> None:
    """With a stub where that GRUB was built to look, which leads to the root by its UUID."""
    files = {
        "/usr/lib/shim/shimx64.efi.signed": SHIM,
        "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed": GRUB,
    }
    bench = a_uefi_bench(files, tmp_path)
    assert run(bench) == []
    assert bench.tree.read(f"{ESP}/BOOT/BOOTX64.EFI") == SHIM
    stub = bench.tree.read(f"{ESP}/debian/grub.cfg").decode()
    assert ROOT_UUID in stub
    assert "prefix=($root)/boot/grub\n" in stub


@pytest.mark.parametrize("firmware", ["uefi", "bios"])
def test_what_cannot_start_is_told(tmp_path: Path, firmware: str) -> None:
    """UEFI without any loader is an error with a remedy; BIOS is not this step's business."""
    tree = MemoryTree({"/boot/grub/grub.cfg": "menu"})
    bench = a_bench(tree, tmp_path, ScriptedCommands(), an_order(esp=True, firmware=firmware))
    problems = run(bench)
    assert bool(problems) == (firmware == "uefi")
    assert bool(bench.notes) == (firmware == "uefi")
