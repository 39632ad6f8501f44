# SPDX-License-Identifier: Apache-2.0
"""What an account may do, has and pays: questions before anything is created.

Every answer may be None: the account's user need not be allowed to ask, and a migration works
without; what is refused then is refused by the call that needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hostlift.model.cost import Tariff
from hostlift.ports.instances import Placement


class Feature(StrEnum):
    """What a migration may want of a cloud; permissions are derived from it."""

    CORE = "core"
    """Instance, snapshots, image, and finding and releasing them."""
    FORESIGHT = "foresight"
    """Balance, quotas and prices, asked before."""
    OWN_VPC = "own-vpc"
    OWN_VSWITCH = "own-vswitch"
    OWN_GROUP = "own-group"
    TRIAL = "trial"
    EIP = "eip"
    SHARE = "share"
    """The image is shared with other accounts."""
    COPY = "copy"
    """The image is copied to other regions."""
    TARGET = "target"
    """A server that exists gets the migrated disks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Money that can be spent."""

    amount: float
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A limit of the account in the region.

    Attributes:
        counts: What is counted: ``vpcs``, ``security groups``, ``images``, ``vCPUs``, ``disk GiB``,
            ``vSwitches in a VPC``.
        used: None when the cloud does not tell.
    """

    counts: str
    limit: int
    used: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whether an action is allowed; ``allowed`` None: it could not be found out.

    Attributes:
        action: As a policy names it: ``ecs:RunInstances``.
        detail: What the cloud said.
    """

    action: str
    allowed: bool | None
    detail: str = ""


class Market(Protocol):
    """The questions."""

    def credential_source(self) -> str:
        """Where the key in use was found, for a person."""
        ...

    def endpoints(self) -> tuple[str, ...]:
        """``host`` or ``host:port`` of every API that is called."""
        ...

    def meant_region(self, region: str) -> str:
        """The region itself when it is known; else the one most like it, or empty."""
        ...

    def proxy(self) -> str:
        """``host:port`` of the proxy that calls go through, without its login; empty: none."""
        ...

    def balance(self) -> Balance | None:
        """What the account can spend."""
        ...

    def quotas(self) -> tuple[Quota, ...]:
        """Every limit that may be asked for."""
        ...

    def tariff(
        self, placement: Placement, *, system_gib: int, data_disks: tuple[int, ...]
    ) -> Tariff:
        """Of an instance with disks of these sizes in GiB; a list of ours when it may not be asked."""
        ...

    def usual_tariff(self) -> Tariff:
        """The list of ours, in the currency that the account pays in."""
        ...

    def permissions(self, features: Collection[Feature]) -> Iterator[Permission]:
        """Every action of ``features``, tried in a way that cannot change anything."""
        ...

    def snapshots_active(self) -> bool | None:
        """The snapshot service is switched on."""
        ...
