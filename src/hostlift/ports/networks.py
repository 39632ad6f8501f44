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


class Networks(Protocol):
    """VPC, vSwitch, security group."""

    def create_vpc(self, *, cidr: str, tags: dict[str, str], token: str) -> str:
        """Id of a new private network."""
        ...

    def create_vswitch(
        self, *, vpc: str, zone: str, cidr: str, tags: dict[str, str], token: str
    ) -> str:
        """Id of a new subnet."""
        ...

    def create_security_group(
        self, *, vpc: str, rules: tuple[Rule, ...], tags: dict[str, str], token: str
    ) -> str:
        """Id of a new group that admits exactly ``rules`` inbound; calling again adds no more."""
        ...
