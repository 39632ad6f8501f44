# SPDX-License-Identifier: Apache-2.0
"""A guest's tree in memory; passes the same contract as the real one."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hostlift.ports.tree import Attributes, Stat


@dataclass
class Node:
    """A file (``data``), link (``target``) or directory (``children``)."""

    kind: str
    mode: int
    data: bytes = b""
    target: str = ""
    children: dict[str, Node] = field(default_factory=dict)
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    flags: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


class MemoryTree:
    """`hostlift.ports.tree.Tree` in memory.

    ``files`` maps absolute paths to content, or to ``("->", target)`` for links; a path ending in
    ``/`` is an empty directory. Parents are made.
    """

    def __init__(self, files: Mapping[str, bytes | str | tuple[str, str]] | None = None) -> None:
        self._root = Node("dir", 0o755)
        self._ticks = itertools.count(1)
        for path, content in (files or {}).items():
            if path.endswith("/"):
                self.mkdir(path)
                continue
            self.mkdir(path.rpartition("/")[0])
            if isinstance(content, tuple):
                self.symlink(path, content[1])
            else:
                self.write(path, content.encode() if isinstance(content, str) else content)

    def read(self, path: str) -> bytes:
        return self._file(self._get(path, follow=True), path).data

    def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        folder, name, node = self._find(path, follow=True)
        if node is None:
            folder.children[name] = Node("file", 0o644 if mode is None else mode, data)
        else:
            self._file(node, path)
            # Another node: its other names keep the old one.
            new = replace(node, data=data, mode=node.mode if mode is None else mode)
            folder.children[name] = new
        folder.children[name].mtime_ns = next(self._ticks)

    def exists(self, path: str) -> bool:
        try:
            return self._find(path, follow=False)[2] is not None
        except (FileNotFoundError, NotADirectoryError):
            return False

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        node = self._get(path, follow=follow)
        size = len(node.data) or len(node.target)
        names = self._names_of(node, self._root) if node.kind == "file" else 1
        return Stat(node.mode, node.uid, node.gid, size, node.kind, node.mtime_ns, names)

    def hardlink(self, path: str, old: str) -> None:
        """One more name for a file; not a verb of the port."""
        folder, name, _ = self._find(path, follow=False)
        folder.children[name] = self._file(self._get(old, follow=False), old)

    def _names_of(self, node: Node, folder: Node) -> int:
        return sum(
            self._names_of(node, child) if child.kind == "dir" else child is node
            for child in folder.children.values()
        )

    def listdir(self, path: str) -> list[str]:
        node = self._get(path, follow=True)
        if node.kind != "dir":
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
        return sorted(node.children)

    def readlink(self, path: str) -> str:
        node = self._get(path, follow=False)
        if node.kind != "link":
            raise OSError(errno.EINVAL, "not a link", path)
        return node.target

    def symlink(self, path: str, target: str) -> None:
        folder, name, node = self._find(path, follow=False)
        if node is not None and node.kind == "dir":
            raise IsADirectoryError(errno.EISDIR, "is a directory", path)
        folder.children[name] = Node("link", 0o777, target=target, mtime_ns=next(self._ticks))

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        done = ""
        for part in (p for p in path.split("/") if p):
            done += "/" + part
            folder, name, node = self._find(done, follow=True)
            if node is None:
                folder.children[name] = Node("dir", mode)
            elif node.kind != "dir":
                raise NotADirectoryError(errno.ENOTDIR, "not a directory", done)

    def remove(self, path: str) -> None:
        try:
            folder, name, node = self._find(path, follow=False)
        except (FileNotFoundError, NotADirectoryError):
            return
        if node is None:
            return
        if node.kind == "dir" and node.children:
            raise OSError(errno.ENOTEMPTY, "directory not empty", path)
        del folder.children[name]

    def touch(self, path: str, mtime_ns: int) -> None:
        self._get(path, follow=False).mtime_ns = mtime_ns

    def attributes(self, path: str) -> Attributes:
        node = self._get(path, follow=False)
        return Attributes(node.mode, node.uid, node.gid, node.mtime_ns, node.flags, node.xattrs)

    def set_attributes(self, path: str, wanted: Attributes) -> None:
        node = self._get(path, follow=False)
        node.mode = node.mode if node.kind == "link" else wanted.mode
        node.uid, node.gid, node.mtime_ns = wanted.uid, wanted.gid, wanted.mtime_ns
        node.flags, node.xattrs = wanted.flags, wanted.xattrs

    def everything(self) -> dict[str, tuple[str, Attributes, bytes | str]]:
        """Path -> (kind, attributes, content or target) of all there is, for comparisons.

        Folders without their time, which no edit changes in a real tree.
        """
        found: dict[str, tuple[str, Attributes, bytes | str]] = {}
        todo = [("", self._root)]
        while todo:
            path, node = todo.pop()
            for name, child in node.children.items():
                content = child.target if child.kind == "link" else child.data
                time = 0 if child.kind == "dir" else child.mtime_ns
                facts = (child.mode, child.uid, child.gid, time, child.flags, child.xattrs)
                found[f"{path}/{name}"] = (child.kind, Attributes(*facts), content)
                todo.append((f"{path}/{name}", child))
        return found

    def _get(self, path: str, *, follow: bool) -> Node:
        node = self._find(path, follow=follow)[2]
        if node is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return node

    def _file(self, node: Node, path: str) -> Node:
        if node.kind == "dir":
            raise IsADirectoryError(errno.EISDIR, "is a directory", path)
        return node

    def _find(self, path: str, *, follow: bool) -> tuple[Node, str, Node | None]:
        """Folder, name and node; the last is None when only the folder exists."""
        stack, todo, links = [self._root], _parts(path), 0
        name, node = "", self._root
        while todo:
            name = todo.pop()
            if name == "..":
                stack = self._up(stack, path)
                node = stack[-1]
                continue
            child = self._child(stack[-1], name, path)
            if child is None and todo:
                raise FileNotFoundError(errno.ENOENT, "no such file", path)
            if child is None:
                return stack[-1], name, None
            if child.kind == "link" and (todo or follow):
                links += 1
                if links > 40:
                    raise OSError(errno.ELOOP, "too many links", path)
                stack = stack[:1] if child.target.startswith("/") else stack
                todo.extend(_parts(child.target))
                node = stack[-1]
                continue
            if todo:
                stack.append(child)
            node = child
        return stack[-1], name, node

    def _up(self, stack: list[Node], path: str) -> list[Node]:
        if stack[-1].kind != "dir":
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
        return stack[:-1] or stack

    def _child(self, folder: Node, name: str, path: str) -> Node | None:
        if folder.kind != "dir":
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
        return folder.children.get(name)


def _parts(path: str) -> list[str]:
    return [p for p in reversed(path.split("/")) if p not in {"", "."}]
