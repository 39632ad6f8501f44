# SPDX-License-Identifier: Apache-2.0
"""The proof that the copy arrived."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
class BootProof:
    """What the trial instance said for itself.

    Attributes:
        seconds: From start of the instance to the beacon.
        facts: Key and value as the beacon printed them (hostname, kernel, mounts, failed units).
        console: The last lines of the serial console.
    """

    instance_id: str
    beacon: bool
    seconds: float
    facts: dict[str, str]
    problems: tuple[str, ...] = ()
    console: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """File-by-file result of the copy; the file is JSON with a signature beside it."""

    migration: str
    hostname: str
    made_at: str
    volumes: tuple[VolumeReceipt, ...]
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """True when nothing differs."""
        return not self.differences and all(v.source_root == v.target_root for v in self.volumes)
