# SPDX-License-Identifier: Apache-2.0
"""What a distribution family usually has: defaults, asked only where nothing can be found.

Which tools a copy really has is found out from its files (see `toolbox`). A family says which one to
believe when there are several, and what to write when there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hostlift.adapt.formats import shellvars
from hostlift.model.adaptation import AdaptOrder
from hostlift.ports.tree import Tree

Version = tuple[int, ...]

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What is different from a version on; None: as before."""

    since: Version
    makers: tuple[str, ...] | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family as data.

    Attributes:
        ids: ``ID`` and ``ID_LIKE`` words of os-release that belong to it.
        marks: Files that name the distribution on systems without os-release.
        makers: Tools that make the initramfs (names in `initramfs_tools`), most likely first.
        network: Stack (name in `stacks`) that runs the network of a fresh installation.
        editions: Later versions, oldest first.
    """

    name: str
    ids: tuple[str, ...]
    marks: tuple[str, ...] = ()
    makers: tuple[str, ...]
    network: str
    editions: tuple[Edition, ...] = ()

    def at(self, version: Version) -> Family:
        """The family as it was at a version; an unknown version is the newest."""
        found = self
        for edition in self.editions:
            if not version or version >= edition.since:
                found = replace(
                    found,
                    makers=edition.makers or found.makers,
                    network=edition.network or found.network,
                )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a system says it is; ``like`` in the order of likeness."""

    id: str
    like: tuple[str, ...] = ()
    version: Version = ()


def release(order: AdaptOrder, tree: Tree) -> Release:
    """From the copy itself, else from what the inspection found."""
    for path in _OS_RELEASE:
        text = _text(tree, path)
        if text:
            name = (shellvars.get(text, "ID") or order.os_id).lower()
            like = (shellvars.get(text, "ID_LIKE") or "").lower().split()
            return Release(id=name, like=tuple(like), version=version_in(text_version(text)))
    return Release(id=order.os_id, like=order.os_like)


def detect(order: AdaptOrder, tree: Tree, families: tuple[Family, ...]) -> Family:
    """The family by its id, else by the files only it has; the last one when nothing speaks.

    An unknown distribution is never refused: what it can do is found out from its tools.
    """
    said = release(order, tree)
    for word in (said.id, *said.like, order.os_id, *order.os_like):
        for family in families:
            if word in family.ids:
                return family.at(said.version or _marked_version(tree, family))
    for family in families:
        if any(tree.exists(mark) for mark in family.marks):
            return family.at(_marked_version(tree, family))
    return families[-1]


def text_version(text: str) -> str:
    """``VERSION_ID`` of an os-release; empty when it has none (rolling distributions)."""
    return shellvars.get(text, "VERSION_ID") or ""


def version_in(text: str) -> Version:
    """The first number in a text: ``CentOS release 6.10 (Final)`` -> (6, 10)."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _marked_version(tree: Tree, family: Family) -> Version:
    return next((v for m in family.marks if (v := version_in(_text(tree, m)))), ())


def _text(tree: Tree, path: str) -> str:
    try:
        return tree.read(path).decode("utf-8", "replace")
    except OSError:
        return ""
