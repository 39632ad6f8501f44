# SPDX-License-Identifier: Apache-2.0
"""Private networks, as the pipeline needs them; promises as in `hostlift.ports.cloud`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An inbound permission: ``tcp`` port from a CIDR."""

    port: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A VPC and what is in it.

    Attributes:
        ready: It can be used.
        subnets: CIDRs of its vSwitches.
        lodgers: For each vSwitch and security group in it, its tags.
    """

    vpc: str
    cidr: str
    ready: bool
    subnets: tuple[str, ...] = ()
    lodgers: tuple[dict[str, str], ...] = ()


class Networks(Protocol):
    """VPC, vSwitch, security group."""

    def tagged(self, tag: str) -> list[Network]:
        """The VPCs that carry a tag, whatever its value, without what is in them; in stable order."""
        ...

    def free_addresses(self, vswitch: str) -> int:
        """How many more instances a vSwitch has addresses for; 0 when it does not exist."""
        ...

    def describe(self, vpc: str) -> Network:
        """A VPC with what is in it.

        Raises:
            ResourceGone: It does not exist.
        """
        ...

    def create_vpc(self, *, cidr: str, tags: dict[str, str], token: str) -> str:
        """Id of a new private network."""
        ...

    def create_vswitch(
        self, *, vpc: str, zone: str, cidr: str, tags: dict[str, str], token: str
    ) -> str:
        """Id of a new subnet."""
        ...

    def create_address(self, *, mbps: int, tags: dict[str, str], token: str) -> str:
        """Id of a new elastic public address."""
        ...

    def associate(self, address: str, instance: str) -> None:
        """Give an instance without a public address this one; having it already is fine.

        It goes back by itself when the instance is deleted.
        """
        ...

    def create_security_group(
        self, *, vpc: str, rules: tuple[Rule, ...], tags: dict[str, str], token: str
    ) -> str:
        """Id of a new group that admits exactly ``rules`` inbound; calling again adds no more."""
        ...
