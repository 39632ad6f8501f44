# SPDX-License-Identifier: Apache-2.0
"""The proof that the copy arrived."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hostlift.model.adaptation import Edit
from hostlift.model.plan import SourceTree


class Divergence(StrEnum):
    """How a path differs between source manifest and target disk."""

    MISSING = "missing"
    EXTRA = "extra"
    CONTENT = "content"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    r"""One differing path; non-UTF-8 bytes in ``path`` are shown as ``\xNN``."""

    volume: str
    path: str
    kind: Divergence
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeReceipt:
    """Both roots of one volume, hex; equal roots mean equal trees."""

    volume: str
    mount_point: str
    entries: int
    bytes: int
    source_root: str
    target_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a later check of one volume needs besides its roots.

    Attributes:
        file: Name, beside the receipt, of the volume's entries: packed, in order, compressed.
        blake3: Of that file's bytes, hex.
        disk: Index of the target disk, in the plan's order.
        start: Byte offset of the file system on that disk.
        file_system: ``ext4``, ``xfs``, … as it was made on the target.
        subvolume: Absolute path of the btrfs subvolume that is the volume; empty: there are none.
        trees: The source's file systems that fill it.
        excludes: rsync filter patterns, anchored at the volume's root: not among the entries.
    """

    volume: str
    file: str
    blake3: str
    disk: int
    start: int
    file_system: str
    trees: tuple[SourceTree, ...] = ()
    excludes: tuple[str, ...] = ()
    subvolume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootProof:
    """What the trial instance said for itself.

    Attributes:
        seconds: From start of the instance to the beacon.
        facts: Key and value as the beacon printed them (hostname, kernel, mounts, failed units).
        console: The last lines of the serial console.
        kept: The instance was left to the user.
    """

    instance_id: str
    beacon: bool
    seconds: float
    facts: dict[str, str]
    problems: tuple[str, ...] = ()
    console: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """File-by-file result of the copy; the file is JSON with a signature beside it.

    Attributes:
        evidence: One for each volume; none in receipts of before there was any.
        edits: What the adaptation changed after both sides had been compared, without its diffs.
    """

    migration: str
    hostname: str
    made_at: str
    volumes: tuple[VolumeReceipt, ...]
    differences: tuple[Difference, ...]
    evidence: tuple[Evidence, ...] = ()
    edits: tuple[Edit, ...] = ()

    @property
    def equal(self) -> bool:
        """True when nothing differs."""
        return not self.differences and all(v.source_root == v.target_root for v in self.volumes)
