# SPDX-License-Identifier: Apache-2.0
"""File systems and swap areas of the source, with what making them anew needs to know."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from hostlift.inspect.blocks import Blocks, Signature
from hostlift.inspect.mounts import Mount
from hostlift.inspect.tools import Tools
from hostlift.model.machine import Disk, FileSystem, Stacked

StatVfs = Callable[[Path], os.statvfs_result]
_EXT = frozenset({"ext2", "ext3", "ext4"})
_MOMENTARY = frozenset({"needs_recovery", "orphan_present"})
"""States of a mounted ext4 that its tools list among the features."""
_XFS_WORDS = frozenset(
    {"crc", "finobt", "sparse", "rmapbt", "reflink", "bigtime", "inobtcount", "nrext64", "ftype"}
)


def describe(
    mount: Mount, device: str, signature: Signature, tools: Tools, statvfs: StatVfs, at: Path
) -> FileSystem:
    """One mounted file system; its path within the source is filled in by the caller.

    Args:
        at: Where we see the mount point.
    """
    usage = statvfs(at)
    inner = _inner_facts(mount.kind, device, at, tools)
    features = inner.get("Filesystem features", "").split()
    return FileSystem(
        device=device,
        kind=mount.kind,
        uuid=signature.get("UUID", ""),
        label=signature.get("LABEL", ""),
        size=usage.f_blocks * usage.f_frsize,
        used=(usage.f_blocks - usage.f_bfree) * usage.f_frsize,
        inodes=usage.f_files,
        used_inodes=usage.f_files - usage.f_ffree,
        inode_size=_number(inner.get("Inode size", "")),
        block_size=_number(inner.get("Block size", "")) or usage.f_bsize,
        options=mount.options,
        features=tuple(w for w in features if w not in _MOMENTARY),
        read_only="ro" in mount.options,
    )


def _inner_facts(kind: str, device: str, at: Path, tools: Tools) -> Mapping[str, str]:
    if kind in _EXT:
        lines = tools.optional(["dumpe2fs", "-h", device]).splitlines()
        pairs = (line.partition(":") for line in lines)
        return {key.strip(): value.strip() for key, _, value in pairs}
    if kind == "xfs":
        words = tools.optional(["xfs_info", str(at)]).replace(",", " ").replace("= ", "=").split()
        known = [w for w in words if w.partition("=")[0] in _XFS_WORDS]
        isize = next((w for w in words if w.startswith("isize=")), "")
        return {"Filesystem features": " ".join(known), "Inode size": isize[len("isize=") :]}
    return {}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def swaps(
    disks: tuple[Disk, ...],
    stacked: tuple[Stacked, ...],
    found: Mapping[str, Signature],
    active: str,
    blocks: Blocks,
) -> tuple[FileSystem, ...]:
    """Swap areas on disks, in use or not, and swap files in use.

    Args:
        active: Text of /proc/swaps; empty for an offline source.
    """
    whole = {d.device: d.size for d in disks if not d.partitions}
    sizes = whole | {p.device: p.size for d in disks for p in d.partitions}
    sizes |= {s.device: s.size for s in stacked}
    areas = [
        _swap(node, size, found[node])
        for node, size in sizes.items()
        if found.get(node, {}).get("TYPE") == "swap"
    ]
    known = {a.device for a in areas}
    for line in active.splitlines()[1:]:
        name, *rest = line.split()
        is_mapped = name.startswith("/dev/dm-")
        device = blocks.device(name.removeprefix("/dev/")) if is_mapped else name
        if device in known or device.startswith("/dev/zram") or len(rest) < 2:  # noqa: PLR2004
            continue
        areas.append(FileSystem(device=device, kind="swap", size=_number(rest[1]) * 1024))
    return tuple(areas)


def _swap(node: str, size: int, signature: Signature) -> FileSystem:
    return FileSystem(
        device=node,
        kind="swap",
        uuid=signature.get("UUID", ""),
        label=signature.get("LABEL", ""),
        size=size,
    )
