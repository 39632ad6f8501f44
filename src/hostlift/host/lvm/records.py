# SPDX-License-Identifier: Apache-2.0
"""A volume group as its metadata states it. Sizes are counted in extents unless the name says more.

Identities are as LVM prints them: 32 characters of ``A-Za-z0-9`` in groups of 6-4-4-4-4-4-6.
"""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass

SECTOR = 512
DATA_START = 1 << 20
"""Where the first extent lies on a physical volume: LVM's own default."""
_LETTERS = string.ascii_letters + string.digits
_GROUPS = (6, 4, 4, 4, 4, 4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Physical:
    """A physical volume.

    Attributes:
        name: Within the metadata: ``pv0``.
        device: A hint only: where it was seen last.
        size: Bytes of the device; 0 where the metadata does not say.
        start: Byte offset of the first extent.
        extents: How many there are.
    """

    name: str
    id: str
    device: str = ""
    size: int = 0
    start: int = DATA_START
    extents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run of extents of a logical volume.

    Attributes:
        type: ``striped`` (also what is linear), ``raid1``, ``thin``, ``snapshot``, …
        stripes: Physical volume and its first extent.
        snapshot: Of a ``snapshot``: the visible volume that holds what has changed since.
    """

    start: int
    extents: int
    type: str
    stripes: tuple[tuple[str, int], ...] = ()
    snapshot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logical:
    """A logical volume; hidden ones are parts of others."""

    name: str
    id: str
    visible: bool = True
    segments: tuple[Segment, ...] = ()

    @property
    def extents(self) -> int:
        """Its size."""
        return sum(s.extents for s in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A volume group; ``extent_size`` is in bytes."""

    name: str
    id: str
    extent_size: int
    physical: tuple[Physical, ...]
    logical: tuple[Logical, ...]
    seqno: int = 1

    def kind(self, logical: Logical) -> str:
        """``linear``, ``striped``, ``snapshot``, or the type of its segments (``raid1``, ``thin``)."""
        if any(s.snapshot == logical.name for v in self.logical for s in v.segments):
            return "snapshot"
        kinds = {
            "linear" if s.type == "striped" and len(s.stripes) == 1 else s.type
            for s in logical.segments
        }
        return kinds.pop() if len(kinds) == 1 else "mixed"


def dashed(id_: str) -> str:
    """An identity as LVM prints it, from its 32 characters."""
    plain, parts = id_.replace("-", ""), []
    for length in _GROUPS:
        parts.append(plain[:length])
        plain = plain[length:]
    return "-".join(parts)


def derived_id(*what: str) -> str:
    """An identity for something new: the same for the same words."""
    number = int.from_bytes(hashlib.sha256("/".join(what).encode()).digest(), "big")
    letters = []
    for _ in range(sum(_GROUPS)):
        number, rest = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return dashed("".join(letters))
