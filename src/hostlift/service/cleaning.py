# SPDX-License-Identifier: Apache-2.0
"""Giving back: what this folder's migration made, or what any migration left in the region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hostlift.errors import ConfigError, StateError, WaitingForUser
from hostlift.flow import client_data, leftovers
from hostlift.flow.context import Context
from hostlift.flow.leftovers import Estate
from hostlift.flow.waiting import Waiter
from hostlift.host.clock import SystemClock
from hostlift.model.cost import Tariff
from hostlift.ports.cloud import Belonging, Cloud, ResourceKind
from hostlift.service.lock import is_held
from hostlift.service.wiring import Options, cloud, opened, settings
from hostlift.settings.folder import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What `clear` and `clean` did; ``kind id`` each.

    Attributes:
        kept: Images and snapshots that stay and are billed.
        monthly: What the kept snapshots cost a month at most.
        currency: Of ``monthly``.
        migration: By which the kept ones are found again.
    """

    released: tuple[str, ...]
    kept: tuple[str, ...] = ()
    monthly: float = 0.0
    currency: str = ""
    migration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What `clean` would do, for a person to say yes or no.

    Attributes:
        estates: The migrations that are cleaned up.
        spared: Those that are not, because they may be alive.
        delete_image: Their results go too.
    """

    estates: tuple[Estate, ...]
    spared: tuple[Estate, ...]
    delete_image: bool
    tariff: Tariff

    @property
    def doomed(self) -> tuple[Belonging, ...]:
        """What will be deleted."""
        return tuple(
            b for e in self.estates for b in (e.belongings if self.delete_image else e.rest)
        )

    @property
    def kept(self) -> tuple[Belonging, ...]:
        """Results that stay."""
        return () if self.delete_image else tuple(b for e in self.estates for b in e.result)


def clear(options: Options, *, delete_image: bool = False) -> Cleared:
    """Release what the folder's migration made and forget it.

    Args:
        delete_image: A finished image and its snapshots too.
    """
    with opened(options, lambda _plan: False, repair=True) as ctx:
        from hostlift.flow import pipeline  # noqa: PLC0415 - see `service.jobs`

        migration = ctx.migration
        released = tuple(pipeline.give_up(ctx, delete_image=delete_image))
        return _kept(ctx, migration, released)


def _kept(ctx: Context, migration: str, released: tuple[str, ...]) -> Cleared:
    kept = leftovers.results_of(ctx.cloud, migration)
    tariff = ctx.cloud.market.usual_tariff()
    return Cleared(
        released=released,
        kept=_names(kept),
        monthly=tariff.snapshot_gib * _gib(kept),
        currency=tariff.currency,
        migration=migration,
    )


def clean(
    options: Options,
    confirm: Callable[[Offer], bool],
    *,
    migration: str = "",
    delete_image: bool = False,
    force: bool = False,
) -> Cleared:
    """Release what a migration left in the region, or with no ``migration`` what all orphans left.

    Needs a region and credentials, no state: everything is found by its tag.

    Args:
        confirm: Shows the offer; asked with nothing to delete too, and then expected to agree.
        force: Also what may be alive.

    Raises:
        ConfigError: No region is named, or the migration may be alive.
        WaitingForUser: It was not confirmed; nothing was deleted.
    """
    wishes = settings(options, complete=False)
    if not wishes.region_id:
        raise ConfigError("is empty; leftovers are looked for in one region", subject="region_id")
    driver, clock = cloud(wishes, options), SystemClock()
    found = leftovers.estates(driver, now=clock.now(), migration=migration)
    offer = _offer(driver, found, delete_image=delete_image, force=force)
    if migration:
        _refuse(options, migration, offer, force=force)
    if not confirm(offer):
        raise WaitingForUser("nothing was deleted")
    waiter = Waiter(clock, options.sink, options.stop)
    released = leftovers.release(driver, waiter, offer.doomed)
    return Cleared(
        released=tuple(f"{r.kind.value} {r.id}" for r in released),
        kept=_names(offer.kept),
        monthly=offer.tariff.snapshot_gib * _gib(offer.kept),
        currency=offer.tariff.currency,
        migration=migration,
    )


def _offer(driver: Cloud, found: list[Estate], *, delete_image: bool, force: bool) -> Offer:
    spared = () if force else tuple(e for e in found if e.alive)
    return Offer(
        estates=tuple(e for e in found if e not in spared),
        spared=spared,
        delete_image=delete_image,
        tariff=driver.market.usual_tariff(),
    )


def _refuse(options: Options, migration: str, offer: Offer, *, force: bool) -> None:
    workspace = Workspace(options.folder)
    ours = client_data.migration_of(workspace.client_data) == migration
    if ours and is_held(workspace.folder):
        raise StateError(
            "a hostlift works on this migration in this folder",
            subject=migration,
            hint="Pause it with Ctrl-C first, then run 'hostlift data clear'.",
        )
    if offer.spared and not force:
        raise ConfigError(
            f"may be alive: {offer.spared[0].alive}",
            subject=migration,
            hint="Wait until then, run 'hostlift data clear' in its folder, or give --force.",
        )


def _names(found: Sequence[Belonging]) -> tuple[str, ...]:
    return tuple(f"{b.resource.kind.value} {b.resource.id}" for b in found)


def _gib(found: Sequence[Belonging]) -> int:
    return sum(b.gib for b in found if b.resource.kind is ResourceKind.SNAPSHOT)
