# SPDX-License-Identifier: Apache-2.0
"""The cloud as stage 1 wrote it down, for a stage that has no way to the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

from pydantic import TypeAdapter

from hostlift.errors import ConfigError
from hostlift.flow.results import Site
from hostlift.ports.cloud import Phase, ResourceKind, ResourceState

if TYPE_CHECKING:
    from hostlift.flow.journal import State
    from hostlift.model.cost import Tariff
    from hostlift.ports.cloud import Belonging, Identity, Resource
    from hostlift.ports.disks import Disks
    from hostlift.ports.images import Images
    from hostlift.ports.instances import Instances
    from hostlift.ports.market import Market
    from hostlift.ports.networks import Networks


def _refuse(what: str) -> NoReturn:
    raise ConfigError(
        f"stage 2 makes no call of the cloud's API, and {what} would be one",
        subject="net_mode",
        hint="Keep the settings of stage 1. What cannot be done here is done by clearing on machine A"
        " ('hostlift data clear') and beginning again there.",
    )


@dataclass(frozen=True, slots=True)
class _Shut:
    """A door of the cloud behind which nothing can be reached."""

    name: str

    def __getattr__(self, verb: str) -> Any:
        _refuse(f"{self.name}.{verb}")


@dataclass(frozen=True, slots=True)
class _ShutMarket(_Shut):
    tariff_of_ours: Tariff

    def usual_tariff(self) -> Tariff:
        """The list of ours needs no call."""
        return self.tariff_of_ours


@dataclass(frozen=True, slots=True)
class RememberedCloud:
    """`hostlift.ports.cloud.Cloud`: what was made stands as it stood; everything else is refused.

    Args:
        journal_state: What stage 1 left.
        tariff: Prices of a list.
    """

    journal_state: State
    tariff: Tariff

    @property
    def networks(self) -> Networks:
        """Nothing."""
        return cast("Networks", _Shut("networks"))

    @property
    def instances(self) -> Instances:
        """Nothing."""
        return cast("Instances", _Shut("instances"))

    @property
    def disks(self) -> Disks:
        """Nothing."""
        return cast("Disks", _Shut("disks"))

    @property
    def images(self) -> Images:
        """Nothing."""
        return cast("Images", _Shut("images"))

    @property
    def market(self) -> Market:
        """The list of prices."""
        return cast("Market", _ShutMarket("market", self.tariff))

    def identity(self) -> Identity:
        """Nobody."""
        _refuse("identity")

    def clock_skew(self) -> float:
        """Not known."""
        _refuse("clock_skew")

    def state(self, resource: Resource) -> ResourceState | None:
        """What is in the ledger is taken to be there, running."""
        if resource not in {held.resource for held in self.journal_state.live()}:
            return None
        site = self._site()
        ours = resource.kind is ResourceKind.INSTANCE and resource.id == site.instance
        return ResourceState(
            resource=resource,
            phase=Phase.READY,
            private_ip=site.private_ip if ours else "",
            disks=site.disks if ours else (),
        )

    def find(self, tag: str, value: str) -> list[Resource]:
        """Not known."""
        _refuse(f"find {tag}={value}")

    def belongings(self, tag: str, owner: str = "") -> list[Belonging]:
        """Not known."""
        _refuse(f"belongings {tag}={owner}")

    def delete(self, resource: Resource) -> None:
        """Cannot be done."""
        _refuse(f"delete {resource.id}")

    def _site(self) -> Site:
        return TypeAdapter(Site).validate_json(self.journal_state.done["provision"].result)
