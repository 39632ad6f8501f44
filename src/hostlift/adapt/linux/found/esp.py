# SPDX-License-Identifier: Apache-2.0
"""The EFI partition: where it is in the copy, and names on it, whose case does not matter."""

from __future__ import annotations

from hostlift.adapt.layout import Layout
from hostlift.adapt.reading import is_folder, names
from hostlift.ports.tree import Tree

_USUAL = ("/boot/efi", "/efi", "/boot")


def folder(tree: Tree, layout: Layout) -> str:
    """Where the migrated system mounts it; empty when there is none."""
    if layout.esp:
        return layout.esp
    return next((top for top in _USUAL if is_folder(tree, f"{top}/EFI")), "")


def find(tree: Tree, top: str, path: str) -> str:
    """The path as it is written on the partition at ``top``; empty when there is no such object.

    The real partition does not care for case, a copy of its files on another file system does.
    """
    at = top
    for part in path.split("/"):
        spelled = (n for n in names(tree, at) if n.casefold() == part.casefold())
        name = next(spelled, "")
        if not name:
            return ""
        at = f"{at}/{name}"
    return at


def place(tree: Tree, top: str, path: str) -> str:
    """Where to write ``path``: below the folders that are there, in their spelling."""
    folder_of, _, name = path.rpartition("/")
    known = find(tree, top, path)
    if known or not folder_of:
        return known or f"{top}/{path}"
    return f"{place(tree, top, folder_of)}/{name}"
