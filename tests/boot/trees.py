# SPDX-License-Identifier: Apache-2.0
"""Root trees of real systems, by mmdebstrap, kept in the image cache under a name of their recipe.

A tree is a system as its packages leave it, with no boot menu, no fstab and no network: what makes
it the copy of a particular machine is put over it when a test copies it to its disks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hostlift.host.command import SystemCommands
from hostlift.localcloud.images import cache

RECIPE = Path(__file__).parent / "recipe"
_LIMIT = 3600.0
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_UNREAD = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/i18n/*",
    "/usr/share/lintian/*",
    "/usr/lib/firmware/*",
)
_USUAL = ("dbus", "e2fsprogs", "iproute2", "kmod", "passwd", "udev", "zstd")


@dataclass(frozen=True, slots=True)
class Tree:
    """A suite and what is installed of it.

    Attributes:
        source: Only where mmdebstrap's own list fails.
        unpacked: Packages of which only the files are wanted: to set them up needs a real disk.
        outdated: The mirror's index may be older than it says it is good for; it is signed.
    """

    suite: str
    packages: tuple[str, ...]
    source: str = ""
    unpacked: tuple[str, ...] = ()
    outdated: bool = False


CLOUD_KERNEL = "linux-image-cloud-amd64"
KERNEL = "linux-image-amd64"
_GRUB = ("grub-common", "grub2-common", "grub-pc-bin", "grub-efi-amd64-bin")
_SHIM = ("grub-efi-amd64-signed", "shim-signed")
_IFUPDOWN = ("ifupdown", "isc-dhcp-client")
_SYSTEMD = ("systemd-sysv",)

BOOKWORM = Tree(
    "bookworm",
    (CLOUD_KERNEL, "initramfs-tools", *_GRUB, *_SHIM, *_IFUPDOWN, *_SYSTEMD, "btrfs-progs"),
)
LVM = Tree("bookworm", (*BOOKWORM.packages, "lvm2"))
LVM_SERVER = Tree(
    "bookworm", (*LVM.packages, "openssh-server", "python3", "ca-certificates", "fdisk")
)
BULLSEYE = Tree(
    "bullseye",
    (CLOUD_KERNEL, "initramfs-tools", *_GRUB, *_IFUPDOWN, *_SYSTEMD),
    "deb http://deb.debian.org/debian bullseye main",
)
TRIXIE_DRACUT = Tree(
    "trixie", (KERNEL, "dracut", *_GRUB, *_SHIM, *_SYSTEMD, "netplan.io", "xfsprogs")
)
# binutils: dracut puts the parts of a unified image together by objcopy.
UNIFIED = Tree(
    "trixie", (CLOUD_KERNEL, "dracut", "systemd-boot-efi", "binutils", *_SYSTEMD, "netplan.io")
)
SID = Tree("sid", (CLOUD_KERNEL, "initramfs-tools", "systemd-boot", *_SYSTEMD), outdated=True)
EXTLINUX = Tree(
    "bookworm",
    (CLOUD_KERNEL, "initramfs-tools", "extlinux", "syslinux-common", *_SYSTEMD, "network-manager"),
)
SYSVINIT = Tree("bookworm", (CLOUD_KERNEL, "initramfs-tools", *_GRUB, *_IFUPDOWN, "sysvinit-core"))
# Its shell is a 32-bit program.
GRUB_LEGACY = Tree(
    "bookworm",
    (CLOUD_KERNEL, "initramfs-tools", "libc6-i386", *_IFUPDOWN, *_SYSTEMD),
    unpacked=("grub-legacy",),
)


def built(tree: Tree) -> Path:
    """The tree's folder; made when the cache has none (a minute or two)."""
    words = (tree.suite, tree.source, *tree.packages, *tree.unpacked, *_USUAL, *_UNREAD)

    def fill(draft: Path) -> None:
        _make(tree, draft / "tree")

    key = cache.key_of(f"boot-{tree.suite}", words, RECIPE)
    return cache.build_once(key, fill) / "tree"


def _make(tree: Tree, place: Path) -> None:
    SystemCommands().run(
        [
            *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"),
            *("--kill-child=KILL", "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet"),
            "--architectures=amd64",
            f"--include={','.join((*_USUAL, *tree.packages))}",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNREAD),
            '--aptopt=APT::Install-Recommends "false"',
            *(['--aptopt=Acquire::Check-Valid-Until "false"'] if tree.outdated else []),
            *([_unpack(tree.unpacked)] if tree.unpacked else []),
            f'--customize-hook={RECIPE / "customize"} "$1"',
            *(tree.suite, str(place)),
            *([tree.source] if tree.source else []),
        ],
        timeout=_LIMIT,
        env={name: os.environ[name] for name in _PROXIES if name in os.environ},
    )


def _unpack(packages: tuple[str, ...]) -> str:
    fetch = f"cd /tmp && apt-get download -q {' '.join(packages)}"
    return f"""--customize-hook=chroot "$1" sh -c '{fetch} && dpkg -x *.deb / && rm -f *.deb'"""
