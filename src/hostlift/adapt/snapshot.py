# SPDX-License-Identifier: Apache-2.0
"""What is at a path of a guest, complete enough to put it back."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from blake3 import blake3

from hostlift.ports.tree import Attributes, Tree

_MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An object, or (kind ``absent``) that there is none.

    Attributes:
        data: Content of a file; target of a link, encoded.
    """

    kind: str = "absent"
    data: bytes = b""
    attributes: Attributes = field(default_factory=lambda: Attributes(0))

    @property
    def digest(self) -> str:
        """blake3 hex of the content or target; empty when absent."""
        return "" if self.kind == "absent" else blake3(self.data).hexdigest()

    def same(self, other: Snapshot) -> bool:
        """True when nothing but the time differs."""
        time = self.attributes.mtime_ns
        return self == replace(other, attributes=replace(other.attributes, mtime_ns=time))


ABSENT = Snapshot()


def take(tree: Tree, path: str) -> Snapshot:
    """What is at ``path``, links not followed."""
    try:
        kind = tree.stat(path, follow=False).kind
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    data = b""
    if kind == "file":
        data = tree.read(path)
    elif kind == "link":
        data = tree.readlink(path).encode("utf-8", "surrogateescape")
    return Snapshot(kind, data, tree.attributes(path))


def put_back(tree: Tree, path: str, was: Snapshot) -> None:
    """Make ``path`` what it was; a directory that was absent goes only when it is empty."""
    now = take(tree, path)
    if was.kind == "absent":
        if now.kind != "dir" or not tree.listdir(path):
            tree.remove(path)
        return
    if was.kind == "dir":
        tree.mkdir(path, was.attributes.mode)
    elif was.kind == "link":
        tree.symlink(path, was.data.decode("utf-8", "surrogateescape"))
    else:
        if now.kind == "link":
            tree.remove(path)
        tree.write(path, was.data, mode=was.attributes.mode)
    tree.set_attributes(path, was.attributes)


def final_path(tree: Tree, path: str) -> str:
    """Where writing to ``path`` ends up: the name behind the links that stand at its end."""
    for _ in range(_MAX_LINKS):
        try:
            target = tree.readlink(path)
        except OSError:
            return path
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return path


def real_path(tree: Tree, path: str) -> str:
    """The name an object has when no folder on the way is a link; a link at the end stays itself."""
    folder, name = posixpath.split(path)
    todo = [part for part in folder.split("/") if part]
    at, links = "/", 0
    while todo:
        part = todo.pop(0)
        if part in {".", ".."}:
            at = posixpath.dirname(at) if part == ".." else at
            continue
        below = posixpath.join(at, part)
        try:
            target = tree.readlink(below)
        except OSError:
            at = below
            continue
        links += 1
        if links > _MAX_LINKS:
            return path
        at = "/" if target.startswith("/") else at
        todo = [piece for piece in target.split("/") if piece] + todo
    return posixpath.join(at, name)


def files_below(tree: Tree, folder: str) -> Iterator[str]:
    """Paths of all files and links below a folder; nothing when it does not exist."""
    try:
        names = tree.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        path = f"{folder.rstrip('/')}/{name}"
        if tree.stat(path, follow=False).kind == "dir":
            yield from files_below(tree, path)
        else:
            yield path


def folders_below(tree: Tree, folder: str) -> Iterator[str]:
    """``folder`` and all folders below it; nothing when it does not exist."""
    try:
        names = tree.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    yield folder
    for name in names:
        path = f"{folder.rstrip('/')}/{name}"
        if tree.stat(path, follow=False).kind == "dir":
            yield from folders_below(tree, path)
