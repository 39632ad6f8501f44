# SPDX-License-Identifier: Apache-2.0
"""Reading a copy that may hold anything: what is not there, or not a file, reads as nothing."""

from __future__ import annotations

import errno
from fnmatch import fnmatchcase

from hostlift.ports.tree import Tree

_NOTHING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP}
_PROGRAM_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")


def data(tree: Tree, path: str) -> bytes | None:
    """Content of a file; None when there is none, or something else is there."""
    try:
        return tree.read(path)
    except OSError as error:
        if error.errno not in _NOTHING:
            raise
        return None


def text(tree: Tree, path: str) -> str | None:
    """The same as text; bytes that are not UTF-8 come as surrogates."""
    found = data(tree, path)
    return None if found is None else found.decode("utf-8", "surrogateescape")


def names(tree: Tree, folder: str) -> list[str]:
    """Names in a folder, sorted; none when there is no such folder."""
    try:
        return tree.listdir(folder)
    except OSError as error:
        if error.errno not in _NOTHING:
            raise
        return []


def glob(tree: Tree, pattern: str) -> list[str]:
    """Paths that match, sorted; ``*`` stays within one component."""
    found = [""]
    for part in pattern.strip("/").split("/"):
        if "*" in part:
            found = [
                f"{f}/{n}" for f in found for n in names(tree, f or "/") if fnmatchcase(n, part)
            ]
        else:
            found = [f"{f}/{part}" for f in found if tree.exists(f"{f}/{part}")]
    return found


def is_folder(tree: Tree, path: str) -> bool:
    """True for a directory, or a link to one."""
    try:
        return tree.stat(path).kind == "dir"
    except OSError:
        return False


def has_program(tree: Tree, name: str) -> bool:
    """True when the guest has a program in one of the usual places."""
    return any(tree.exists(f"{folder}/{name}") for folder in _PROGRAM_FOLDERS)
