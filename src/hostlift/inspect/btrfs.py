# SPDX-License-Identifier: Apache-2.0
"""The subvolumes of a btrfs: which there are, which is mounted, which a mount without options shows."""

from __future__ import annotations

import re
from pathlib import Path

from hostlift.inspect.mounts import Mount
from hostlift.inspect.tools import Tools
from hostlift.model.machine import Subvolume

TOP = 5
"""Id of the file system's own tree."""
_LINE = re.compile(r"(?m)^ID (\d+) gen .*? path (.*)$")
_DEFAULT = re.compile(r"^ID (\d+)")


def mounted_subvolume(mount: Mount) -> str:
    """Path of the subvolume that a mount shows, ``/`` for the top; empty for other kinds."""
    if mount.kind != "btrfs":
        return ""
    named = next((o for o in mount.options if o.startswith("subvol=")), "")
    return named.removeprefix("subvol=") or mount.inner


def subvolumes(at: Path, tools: Tools) -> tuple[Subvolume, ...]:
    """All subvolumes of the btrfs mounted at ``at``, parents before children; none without btrfs-progs."""
    listed = _listed(at, tools)
    read_only, snapshots = _listed(at, tools, "-r"), _listed(at, tools, "-s")
    match = _DEFAULT.match(tools.optional(["btrfs", "subvolume", "get-default", str(at)]))
    default = int(match[1]) if match else TOP
    found = [
        Subvolume(
            id=id_,
            path=path,
            read_only=id_ in read_only,
            default=id_ == default,
            snapshot=id_ in snapshots,
        )
        for id_, path in listed.items()
    ]
    return tuple(sorted(found, key=lambda s: (s.path.count("/"), s.path)))


def _listed(at: Path, tools: Tools, *only: str) -> dict[int, str]:
    text = tools.optional(["btrfs", "subvolume", "list", *only, str(at)])
    return {int(id_): path for id_, path in _LINE.findall(text)}
