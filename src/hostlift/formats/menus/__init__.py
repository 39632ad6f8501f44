# SPDX-License-Identifier: Apache-2.0
"""Which kernel a system starts when nobody touches its boot menu.

Each loader's rule is a module; all answer with the kernel's path as the menu writes it (it may be
as seen from a separate /boot, or from the EFI partition), or with nothing when the menu cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hostlift.formats.menus import entries, extlinux, grub2, grub_legacy
from hostlift.formats.menus.files import Files, newest

_RULES = {
    "grub2": grub2.default,
    "grub-legacy": grub_legacy.default,
    "extlinux": extlinux.default,
    "systemd-boot": entries.systemd_boot_default,
}


@dataclass(frozen=True, slots=True)
class Installed:
    """A kernel: its release, its file, and its unified image where it has one."""

    release: str
    files: tuple[str, ...]

    def is_at(self, path: str) -> bool:
        """True when a menu's path ends like ours, or ours like it: mount points may be in front."""
        by_folder = f"/{self.release}/" in path
        return by_folder or any(f.endswith(path) or path.endswith(f) for f in self.files if f)

    def is_named(self, path: str) -> bool:
        """True when the file's name is the same, wherever it is."""
        return path.rpartition("/")[2] in {f.rpartition("/")[2] for f in self.files}


def default_release(files: Files, loader: str, kernels: Sequence[Installed]) -> str:
    """The kernel that starts by default; the newest where the menu does not tell; empty: no kernel."""
    rule = _RULES.get(loader)
    path = rule(files) if rule is not None else ""
    if path:
        told = [k.release for k in kernels if k.is_at(path)]
        told = told or [k.release for k in kernels if k.is_named(path)]
        if len(told) == 1:
            return told[0]
    return max((k.release for k in kernels), key=newest, default="")
