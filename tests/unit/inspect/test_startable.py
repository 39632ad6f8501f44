# SPDX-License-Identifier: Apache-2.0
"""Which firmware the boot loaders of a source can be started by."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.inspect.guest import Guest
from hostlift.inspect.system import startable
from hostlift.model.machine import Firmware

SHIM = "/usr/lib/shim/shimx64.efi.signed"
SIGNED = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
BIOS = (Firmware.BIOS,)
UEFI = (Firmware.UEFI,)


@pytest.mark.parametrize(
    ("loader", "files", "found"),
    [
        ("grub2", (), ()),
        ("grub2", ("/usr/lib/grub/i386-pc/boot.img",), BIOS),
        ("grub2", ("/boot/grub2/i386-pc/core.img",), BIOS),
        ("grub2", (SHIM,), ()),
        ("grub2", (SHIM, SIGNED), UEFI),
        ("grub2", ("/usr/lib/grub/x86_64-efi/modinfo.sh",), UEFI),
        ("grub2", ("/boot/efi/EFI/rocky/grubx64.efi",), UEFI),
        ("grub2", ("/usr/lib/grub/i386-pc/boot.img", SIGNED), BIOS + UEFI),
        ("extlinux", (SHIM, SIGNED), BIOS),
        ("grub-legacy", (), BIOS),
        ("systemd-boot", (), UEFI),
        ("unified", (), UEFI),
        ("", (SIGNED,), ()),
    ],
)
def test_what_is_installed_tells_what_can_start_it(
    loader: str, files: tuple[str, ...], found: tuple[Firmware, ...], tmp_path: Path
) -> None:
    """GRUB for UEFI leads to GRUB's own menu only, so it is none for a system with another loader."""
    for path in files:
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert startable(Guest(tmp_path), loader) == found
