# SPDX-License-Identifier: Apache-2.0
"""Where distributions keep boot loaders that are installed as packages, and on no disk yet."""

from __future__ import annotations

PACKAGED_EFI = (
    ("/usr/lib/shim/shimx64.efi.signed", "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
    (
        "/usr/lib/shim/shimx64.efi.signed.latest",
        "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    ),
    ("/usr/share/efi/x86_64/shim.efi", "/usr/share/efi/x86_64/grub.efi"),
    ("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", ""),
    ("/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi", ""),
)
"""GRUB for UEFI as one image: what the firmware starts (shim, if there is one), what shim starts."""

EFI_FOLDER = "/boot/efi"
"""Where packages of the Red Hat family put GRUB for UEFI, an EFI partition mounted there or not."""

EFI_IMAGES = (f"{EFI_FOLDER}/EFI/*/grubx64.efi", f"{EFI_FOLDER}/EFI/*/shimx64.efi")

GRUB_EFI_MODULES = ("/usr/lib/grub/x86_64-efi/modinfo.sh", "/usr/share/grub2/x86_64-efi/modinfo.sh")
"""Of these ``grub-mkimage`` makes an image."""

GRUB_BIOS_MODULES = ("/usr/lib/grub/i386-pc/boot.img", "/usr/share/grub2/i386-pc/boot.img")
GRUB_BIOS_IMAGES = ("/boot/grub/i386-pc/core.img", "/boot/grub2/i386-pc/core.img")
"""What grub-install left on a system that started by BIOS."""
