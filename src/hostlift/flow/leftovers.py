# SPDX-License-Identifier: Apache-2.0
"""What migrations left in a region, found by tag alone: no state file is needed, none is trusted.

A migration counts as *alive* while one of its instances is not yet due for its automatic release (a
client that works renews it every ten minutes, `flow.keepalive`; a trial that the user kept has
none), or while something of it is
younger than an instance's first life: before its instance exists nothing else tells. What is not
alive is an orphan. A whole image and the snapshots it is made of are a migration's *result*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from hostlift.flow.journal import LIFE_SECONDS
from hostlift.flow.ledger import TAG, TRIAL_NAME, delete
from hostlift.flow.waiting import Waiter
from hostlift.ports.cloud import Belonging, Cloud, Phase, Resource, ResourceKind

_RESULT = frozenset({ResourceKind.IMAGE, ResourceKind.SNAPSHOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Everything in the region that belongs to one migration, oldest kind first.

    Attributes:
        alive: Why it may still be worked on; empty: it is not.
    """

    migration: str
    belongings: tuple[Belonging, ...]
    alive: str = ""

    @property
    def result(self) -> tuple[Belonging, ...]:
        """Whole images and their snapshots."""
        whole = [b for b in self.belongings if _is_whole_image(b)]
        under = {name for image in whole for name in image.parts}
        return tuple(b for b in self.belongings if b in whole or b.resource.id in under)

    @property
    def rest(self) -> tuple[Belonging, ...]:
        """Everything that nobody wants once the migration is over."""
        result = self.result
        return tuple(b for b in self.belongings if b not in result)

    @property
    def snapshot_gib(self) -> int:
        """Of the result's snapshots, as if their disks were full."""
        return sum(b.gib for b in self.result if b.resource.kind is ResourceKind.SNAPSHOT)


def estates(cloud: Cloud, *, now: float, migration: str = "") -> list[Estate]:
    """What each migration owns in the region, the one with the oldest thing first.

    Args:
        now: Seconds since 1970.
        migration: Only this one's; empty: all.
    """
    found: dict[str, list[Belonging]] = {}
    for one in cloud.belongings(TAG, migration):
        found.setdefault(one.owner, []).append(one)
    made = [
        Estate(migration=owner, belongings=tuple(all_of_it), alive=_life(all_of_it, now))
        for owner, all_of_it in found.items()
    ]
    return sorted(made, key=lambda e: min(b.created for b in e.belongings))


def release(cloud: Cloud, waiter: Waiter, chosen: Collection[Belonging]) -> list[Resource]:
    """Delete what stands on something before it; each is waited for until it is gone.

    Returns:
        What is gone; a VPC that others moved into stays.
    """
    order = list(ResourceKind)
    newest_first = sorted(chosen, key=lambda b: -order.index(b.resource.kind))
    return [b.resource for b in newest_first if delete(cloud, waiter, b.resource, b.owner)]


def results_of(cloud: Cloud, migration: str) -> Sequence[Belonging]:
    """Images and snapshots of a migration that stay and are billed."""
    mine = cloud.belongings(TAG, migration)
    return [b for b in mine if b.resource.kind in _RESULT]


def _is_whole_image(one: Belonging) -> bool:
    return one.resource.kind is ResourceKind.IMAGE and one.phase is Phase.READY


def _life(belongings: Iterable[Belonging], now: float) -> str:
    for one in belongings:
        left = (one.release_at - now) / 60
        if one.name == TRIAL_NAME and not one.release_at:
            return f"its trial instance {one.resource.id} was kept on purpose"
        if one.resource.kind is ResourceKind.INSTANCE and left > 0:
            return (
                f"its instance {one.resource.id} is kept for {left:.0f} more minutes unless its"
                " client renews that"
            )
    young = [b for b in belongings if b.resource.kind not in _RESULT]
    newest = max((b.created for b in young), default=0.0)
    if newest and now - newest < LIFE_SECONDS:
        return f"something of it was made {(now - newest) / 60:.0f} minutes ago"
    return ""
