# SPDX-License-Identifier: Apache-2.0
"""Buying an instance: what the cloud offers is tried in its order until something can be had."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

from hostlift.errors import OutOfStock
from hostlift.flow.context import Context
from hostlift.flow.results import Site
from hostlift.ports.instances import Placement

T = TypeVar("T")

MOST_OFFERS = 12


def buy(ctx: Context, role: str, offers: Iterator[Placement], order: Callable[[Placement], T]) -> T:
    """What ``order`` gives for the first offer that is not sold out after all.

    Args:
        role: Of the ledger: a refused request is withdrawn, so that another can be made.

    Raises:
        OutOfStock: None of the first dozen offers could be had; the last refusal.
    """
    refused: OutOfStock | None = None
    for offer in itertools.islice(offers, MOST_OFFERS):
        if refused is not None:
            ctx.note(f"{refused.message}; trying {offer.instance_type} in {offer.zone}", "warning")
        try:
            return order(offer)
        except OutOfStock as error:
            ctx.ledger.withdraw(role)
            refused = error
    raise refused or OutOfStock("nothing is offered", api_code="NoStock", action="RunInstances")


def beside(ctx: Context, site: Site) -> Iterator[Placement]:
    """As the intermediate instance; else what is sold in the zone of its subnet."""
    yield Placement(
        zone=site.zone,
        instance_type=site.instance_type,
        system_disk=site.system_category,
        data_disk=site.system_category,
        image=site.base_image,
    )
    for offer in ctx.cloud.instances.placements(zone=site.zone):
        if offer.instance_type != site.instance_type:
            yield offer
