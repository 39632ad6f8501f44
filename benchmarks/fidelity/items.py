# SPDX-License-Identifier: Apache-2.0
"""The objects that copies lose, each item in a folder of its own, with what is compared of it.

One row of docs/fidelity.md is one item. The list is that of ``linux-fidelity``; what an item needs
of the file system is in ``kinds``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fidelity import makers as m

EXT4, XFS, BTRFS = "ext4", "xfs", "btrfs"
ALL = (EXT4, XFS, BTRFS)


@dataclass(frozen=True)
class Item:
    """One row.

    Attributes:
        make: Fills the item's folder.
        facets: What of its objects is compared, names of `probe.FACETS`.
        kinds: File systems that can hold it.
        cover: A directory of the item on which another file system is mounted during the copy.
    """

    name: str
    make: Callable[[Path], None]
    facets: tuple[str, ...]
    kinds: tuple[str, ...] = ALL
    cover: str = ""


CONTENT = ("content",)
NODE = ("content", "mode", "device number")
FLAGS = ("content", "flags")

ITEMS: tuple[Item, ...] = (
    Item("regular files: empty, small, 9 MiB", m.files, (*CONTENT, "mode", "owner")),
    Item("names: 255 bytes that are not UTF-8", m.longest_name, CONTENT),
    Item("names: newline, `-rf`, backslash, blanks, wildcards", m.odd_names, CONTENT),
    Item("path of more than 4096 bytes", m.deep_path, (*CONTENT, "mode")),
    Item("times of directories on a long path", m.deep_path, ("mtime",)),
    Item("hard links within and across directories", m.hard_links, (*CONTENT, "links")),
    Item("hard links of a symbolic link", m.linked_symlink, ("target", "links")),
    Item("hard links of devices, fifos and sockets", m.linked_nodes, (*NODE, "links")),
    Item("symbolic links: dangling, absolute, not UTF-8, 4095 bytes", m.symlinks, ("target",)),
    Item("owner and time of a symbolic link", m.owned_symlink, ("target", "owner", "mtime")),
    Item("uid and gid up to 2^32-2", m.owners, ("owner", "mode")),
    Item("setuid, setgid, sticky, no permission at all", m.modes, ("mode", "owner")),
    Item("directories: sticky, setgid, not writable", m.folder_modes, ("mode", "owner")),
    Item("sparse file: 256 MiB with three extents stays sparse", m.sparse, (*CONTENT, "space")),
    Item("hole at the end, at the start", m.edges, (*CONTENT, "space")),
    Item("preallocated space is still reserved", m.reserved, (*CONTENT, "space")),
    Item("preallocated space is still unwritten", m.reserved, ("preallocation",)),
    Item("space reserved beyond the end of the file", m.beyond, (*CONTENT, "space")),
    Item("shared extents (reflinks) stay shared", m.reflink, ("sharing",), (XFS, BTRFS)),
    Item("user.* attributes, long and empty ones", m.user_xattrs, ("attributes",)),
    Item("trusted.* attributes", m.trusted_xattrs, ("attributes",)),
    Item("security.* attributes: SELinux label", m.label, ("attributes",)),
    Item("file capabilities of another owner's file", m.capability, ("attributes", "owner")),
    Item("POSIX ACL", m.acl, ("attributes", "mode")),
    Item("default ACL, and a file that did not inherit it", m.default_acl, ("attributes", "mode")),
    Item("attributes of a symbolic link (trusted.*)", m.symlink_xattr, ("attributes", "target")),
    Item("attributes of a device, fifo, socket", m.node_xattrs, ("attributes",)),
    Item("attributes of a directory (user.*, overlay opaque)", m.folder_xattrs, ("attributes",)),
    Item("character and block devices, wide minor numbers", m.devices, (*NODE, "owner")),
    Item("overlay whiteouts (0/0)", m.whiteout, (*NODE, "attributes")),
    Item("fifo", m.fifo, (*NODE, "owner")),
    Item("socket", m.socket, (*NODE, "owner")),
    Item("mtime to the nanosecond: file", m.file_time, ("mtime",)),
    Item("mtime to the nanosecond: directory with content", m.folder_time, ("mtime",)),
    Item("mtime to the nanosecond: device, fifo", m.node_time, ("mtime",)),
    Item("mtime before 1970", m.before_1970, ("mtime",)),
    Item("mtime in 2100", m.in_2100, ("mtime",)),
    Item("chattr +i", m.immutable, FLAGS),
    Item("chattr +i on a directory with content", m.immutable_folder, FLAGS),
    Item("chattr +a", m.append_only, FLAGS),
    Item("chattr +d +A +S", m.common_flags, FLAGS),
    Item("chattr +D on a directory", m.sync_folder, FLAGS, (EXT4, BTRFS)),
    Item("chattr +T on a directory", m.top_folder, FLAGS, (EXT4,)),
    Item("chattr +c", m.compressed, FLAGS, (BTRFS,)),
    Item("no copy on write (chattr +C)", m.nocow, FLAGS, (BTRFS,)),
    Item("project id", m.project, ("project",), (XFS,)),
    Item("project inheritance (chattr +P)", m.project_folder, ("project", "flags"), (XFS,)),
    Item("files hidden under a mount point", m.hidden, CONTENT, cover="mounted-on"),
)


def folder_of(root: Path, item: Item) -> Path:
    """Where an item is."""
    return root / f"item{ITEMS.index(item):02}"


def held_by(kind: str) -> tuple[Item, ...]:
    """The items that a file system can hold."""
    return tuple(item for item in ITEMS if kind in item.kinds)


def make_all(root: Path, kind: str) -> None:
    """All that ``kind`` can hold, below ``root``."""
    for item in held_by(kind):
        folder = folder_of(root, item)
        folder.mkdir()
        item.make(folder)


def count(root: Path) -> int:
    """Objects below ``root``, by descriptors."""
    return sum(len(folders) + len(files) for _, folders, files, _ in os.fwalk(root))
