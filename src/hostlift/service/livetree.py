# SPDX-License-Identifier: Apache-2.0
"""A volume read from a directory tree: the running source, or its copy mounted somewhere.

The order and the wording of entries are those of the copy: what the plan excluded is passed over
unread, and file systems that were merged into one volume are read each from its own root.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.beneath import open_folder
from hostlift.model.entry import Entry, Kind
from hostlift.model.plan import SourceTree
from hostlift.model.receipt import Evidence
from hostlift.replicate.excludes import Excludes
from hostlift.replicate.fs.attributes import read_opened
from hostlift.replicate.fs.directories import opened_tree
from hostlift.replicate.reread import LeavesOut, reread
from hostlift.replicate.source import order_key


def folder_in(root: Path, path: str) -> Path:
    """The real directory of ``path`` in the system at ``root``; no link of its own leads out.

    Raises:
        HostError: There is none.
    """
    try:
        top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            found = open_folder(top, path)
        finally:
            os.close(top)
    except OSError as error:
        raise HostError(f"cannot be opened: {error.strerror}", subject=f"{root}{path}") from error
    try:
        return Path(os.readlink(f"/proc/self/fd/{found}"))
    finally:
        os.close(found)


def live_entries(root: Path, mount_point: str, evidence: Evidence) -> Iterator[Entry]:
    """What a volume holds in the system at ``root``, in the order of a receipt's entries.

    Raises:
        HostError: The volume's mount point is not there.
        VerifyError: Something cannot be read.
    """
    top = folder_in(root, mount_point)
    nested = _nested(root, top, evidence)
    excludes = Excludes(evidence.excludes)

    def leaves_out(path: bytes, directory: bool) -> bool:
        return path in nested or excludes.leaves_out(path, directory=directory)

    streams = [reread(top, drop_caches=False, leaves_out=leaves_out)]
    streams += [_below(folder, place, leaves_out) for place, folder in nested.items()]
    return heapq.merge(*streams, key=lambda e: order_key(e.path))


def _nested(root: Path, top: Path, evidence: Evidence) -> dict[bytes, Path]:
    """Places in the volume where another file system is mounted, as it was when it was copied.

    In a mounted copy they are plain directories, and part of the volume.
    """
    found: dict[bytes, Path] = {}
    for tree in evidence.trees:
        place = os.fsencode(tree.prefix).strip(b"/")
        if place and _is_apart(folder := folder_in(root, tree.path), top, tree):
            found[place] = folder
    return found


def _is_apart(folder: Path, top: Path, tree: SourceTree) -> bool:
    return tree.one_file_system and folder.stat().st_dev != top.stat().st_dev


def _below(folder: Path, place: bytes, leaves_out: LeavesOut) -> Iterator[Entry]:
    """The entries of a merged file system under their names in the volume, its root first."""

    def inside(path: bytes, directory: bool) -> bool:
        return leaves_out(place + b"/" + path, directory)

    with opened_tree(folder) as fd:
        meta = read_opened(fd, os.fstat(fd))
    yield Entry(path=place, kind=Kind.DIRECTORY, meta=meta)
    for entry in reread(folder, drop_caches=False, leaves_out=inside):
        if entry.path != b".":
            link = place + b"/" + entry.link_of if entry.link_of else b""
            yield replace(entry, path=place + b"/" + entry.path, link_of=link)
