# SPDX-License-Identifier: Apache-2.0
"""What made the copy bootable, in a form that can be shown, checked and undone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hostlift.model.plan import TargetDisk, Volume


class EditKind(StrEnum):
    """What happened to a path, or ``COMMAND``: a guest tool ran and wrote the paths named."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"
    LINKED = "linked"
    BOOT_CODE = "boot-code"


class Addressing(StrEnum):
    """How the first card gets its address; ``STATIC``: as on the source, where the network is alike."""

    DHCP = "dhcp"
    STATIC = "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One recorded change of the copy.

    Attributes:
        path: Absolute path inside the migrated system.
        why: The adaptation and its reason, for a person.
        before: blake3 hex of the content (of the link target for symlinks) before; empty: absent.
        after: The same afterwards.
        backup: File name under the ledger's folder that holds the bytes from before; empty: none.
        diff: Unified diff where both sides are text of moderate size.
    """

    adaptation: str
    kind: EditKind
    path: str
    why: str
    before: str = ""
    after: str = ""
    backup: str = ""
    diff: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptOrder:
    """What the agent needs to adapt a mounted copy. The same order twice is harmless.

    Attributes:
        firmware: ``bios`` or ``uefi``: what the target starts with, whatever the source did.
        serials: Cloud serial of each target disk by index.
        beacon: Token that the boot beacon prints on the console; empty: no beacon.
    """

    os_id: str
    os_like: tuple[str, ...]
    architecture: str
    firmware: str
    disks: tuple[TargetDisk, ...]
    volumes: tuple[Volume, ...]
    serials: dict[int, str]
    beacon: str = ""
    rebuild_initramfs: bool = True
    addressing: Addressing = Addressing.DHCP


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptReport:
    """What adaptation did, and what it could not."""

    edits: tuple[Edit, ...]
    notes: tuple[str, ...] = ()
