# SPDX-License-Identifier: Apache-2.0
"""One copier on one kind of file system: every item made, copied, looked at on both sides."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fidelity.copiers import Copier, Places
from benchmarks.fidelity.items import folder_of, held_by, make_all
from benchmarks.fidelity.probe import Look, look, lost, unpin
from hostlift.host.command import SystemCommands
from hostlift.host.files import remove_tree
from hostlift.host.mounts import mounted, private_namespace

GIB = 1 << 30
_COMMANDS = SystemCommands()
_MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
Looks = dict[str, Look]
"""Of each item by its name."""


@dataclass(frozen=True)
class Outcome:
    """What a copier kept of each item it was given, and what it said.

    Attributes:
        lost: By item's name, what differs; empty: everything was kept.
    """

    lost: dict[str, list[str]]
    said: str


@contextlib.contextmanager
def file_system(folder: Path, name: str, kind: str) -> Iterator[Path]:
    """A new, mounted file system of one GiB on a sparse file; pins are cleared at the end."""
    image, where = folder / f"{name}.img", folder / name
    with image.open("wb") as file:
        file.truncate(GIB)
    where.mkdir()
    try:
        _COMMANDS.run([*_MAKE[kind], str(image)], timeout=60)
        device = _COMMANDS.run(["losetup", "-f", "--show", str(image)], timeout=20).text.strip()
        try:
            with mounted(device, where, kind=kind):
                yield where
        finally:
            _COMMANDS.run(["losetup", "-d", device], timeout=20)
    finally:
        image.unlink()
        where.rmdir()


@contextlib.contextmanager
def fixture(folder: Path, kind: str) -> Iterator[tuple[Path, Looks]]:
    """A source with all items, as it looks before something is mounted into it."""
    private_namespace()
    with file_system(folder, "source", kind) as source, ExitStack() as stack:
        make_all(source, kind)
        looks = look_at(source, kind)
        for item in held_by(kind):
            if item.cover:
                place = folder_of(source, item) / item.cover
                stack.enter_context(mounted("none", place, kind="tmpfs"))
        yield source, looks


def look_at(root: Path, kind: str) -> Looks:
    """All items below ``root``; one that is not there has no objects."""
    found: Looks = {}
    for item in held_by(kind):
        folder = folder_of(root, item)
        found[item.name] = look(folder, item.facets) if folder.is_dir() else {}
    return found


def tried(copier: Copier, folder: Path, kind: str, source: Path, before: Looks) -> Outcome:
    """Copy the source to a new file system of the same kind, and compare."""
    scratch = folder / "scratch"
    scratch.mkdir()
    try:
        with file_system(folder, "target", kind) as target:
            said = copier.copy(Places(source, target, scratch))
            after = look_at(target, kind)
            unpin(target)
    finally:
        remove_tree(scratch)
    return Outcome({name: lost(was, after[name]) for name, was in before.items()}, said)
