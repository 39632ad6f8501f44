# SPDX-License-Identifier: Apache-2.0
"""What each step hands on. Steps know these records, never each other."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

from hostlift.errors import ProtocolError, StateError
from hostlift.model.adaptation import Edit
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine
from hostlift.model.plan import MigrationPlan
from hostlift.model.receipt import BootProof, Difference, VolumeReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Step 1: the source and what the checks say of it."""

    machine: Machine
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Step 2: the plan, as the user accepted it."""

    plan: MigrationPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Step 3: the intermediate instance.

    Attributes:
        disks: ``(disk id, serial)`` of the data disk that stands for each target disk, by index.
    """

    instance: str
    zone: str
    instance_type: str
    system_category: str
    base_image: str
    vswitch: str
    security_group: str
    disks: tuple[tuple[str, str], ...]
    net_mode: int = 0
    private_ip: str = ""

    @property
    def serials(self) -> dict[int, str]:
        """Serial of each target disk by its index."""
        return {index: serial for index, (_, serial) in enumerate(self.disks)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over the source; ``freeze_seconds`` is 0 unless writers were frozen for it.

    Attributes:
        started: Seconds since 1970.
    """

    files: int
    deleted: int
    bytes_read: int
    bytes_sent: int
    seconds: float
    freeze_seconds: float = 0.0
    started: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Step 4: every byte is at the target and was read back from its disks.

    Attributes:
        differences: What the target's file systems cannot hold, as it was found by the re-read.
    """

    passes: tuple[Pass, ...]
    volumes: tuple[VolumeReceipt, ...]
    frozen_services: int
    freeze_seconds: float
    notes: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """Step 5: what was changed so that the copy boots, and what the last file system checks said."""

    edits: tuple[Edit, ...]
    notes: tuple[str, ...]
    file_system_checks: dict[str, str]
    beacon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Step 6: the custom image and its snapshots, system disk first."""

    image: str
    snapshots: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Step 7: the proof. ``boot`` is None when no trial was wanted."""

    receipt_file: str
    boot: BootProof | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Step 8: where the image went beside this region and account.

    Attributes:
        copies: ``(region, image)``.
        shared: Numbers of the accounts that may use it.
        target: The server that got the migrated disks; empty: none.
        disks: What it got: its new system disk, and the new data disks in order.
    """

    copies: tuple[tuple[str, str], ...] = ()
    shared: tuple[str, ...] = ()
    target: str = ""
    disks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A stage is done, and what comes next is done elsewhere.

    Attributes:
        stage: The one that is done, 1 or 2.
        folder: What has to be carried, whole.
        lives_until: How long the intermediate instance is kept, seconds since 1970.
    """

    stage: int
    folder: str
    lives_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Step 9: what was released, as ``kind id``."""

    released: tuple[str, ...]


Result = Inspection | Approved | Site | Copy | Adapted | Captured | Verified | Delivered | Cleaned


@dataclass(slots=True)
class Results:
    """Results of the steps so far, by name of the step. Filled by the engine only."""

    inspect: Inspection | None = None
    plan: Approved | None = None
    provision: Site | None = None
    replicate: Copy | None = None
    adapt: Adapted | None = None
    capture: Captured | None = None
    verify: Verified | None = None
    deliver: Delivered | None = None
    clean_up: Cleaned | None = None

    @staticmethod
    def names() -> tuple[str, ...]:
        """Names of all steps in order."""
        return tuple(f.name for f in fields(Results))


Kind = TypeVar("Kind", bound=Result)


def need(result: Kind | None) -> Kind:
    """The result of an earlier step.

    Raises:
        StateError: The journal has none although a later step asks for it.
    """
    if result is None:
        raise StateError(
            "the journal lacks the result of an earlier step",
            subject="client_data.db",
            hint="Release everything with 'hostlift data clear' and start again.",
        )
    return result


Part = TypeVar("Part")


def part(value: Part | None) -> Part:
    """The part of a job's status that fits its kind.

    Raises:
        ProtocolError: The agent left it out.
    """
    if value is None:
        raise ProtocolError("the agent's answer lacks the result of the job")
    return value
