# SPDX-License-Identifier: Apache-2.0
"""What a pass copies: directories that can be opened, and where they go within a volume."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TreeRoot:
    """A real directory on the source and its place in the volume.

    Attributes:
        path: The directory; may be a ``/proc/self/fd/N`` path of a detached mount.
        prefix: Where it goes, relative to the volume's root; empty or ``/`` for the root itself.
        cross: Descend into other mounts below it too.
    """

    path: bytes | Path
    prefix: bytes = b""
    cross: bool = False

    @property
    def place(self) -> bytes:
        """The prefix without slashes at its ends, ``b"."`` for the volume's root."""
        return self.prefix.strip(b"/") or b"."


@dataclass(frozen=True, slots=True)
class SourceVolume:
    """A target volume and the trees that fill it; one of them is the volume's root.

    Attributes:
        id: As in `hostlift.model.plan.Volume`.
        excludes: rsync filter patterns anchored at the volume's root, in file order.
    """

    id: str
    trees: tuple[TreeRoot, ...]
    excludes: tuple[str, ...] = ()


RESERVED = b".hostlift.partial"
"""Directory at a target volume's root for files being replaced; never copied, never compared."""


def order_key(path: bytes) -> bytes:
    """Sorting by this gives depth-first order with the names of each directory sorted."""
    return path.replace(b"/", b"\0")


def path_of(key: bytes) -> bytes:
    """Inverse of `order_key`."""
    return key.replace(b"\0", b"/")


def parent_key(key: bytes) -> bytes:
    """Key of the directory an object is in; the root is its own parent."""
    return key.rpartition(b"\0")[0] or b"."
