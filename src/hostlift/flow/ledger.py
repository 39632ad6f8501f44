# SPDX-License-Identifier: Apache-2.0
"""Every resource that costs money: made once, found again after a crash, released newest first.

A *role* is what a resource is for (``vpc``, ``intermediate``, ``snapshot-0``). Its token is derived
from migration, role and attempt, is journaled before the call, and makes the call idempotent: a
crash between call and journal leads to the same resource, never to a second one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hostlift.errors import CloudError, ResourceGone, Retry
from hostlift.events import Note
from hostlift.flow.journal import Held, Holding, Journal, Record
from hostlift.flow.waiting import Waiter
from hostlift.ports.cloud import Cloud, Phase, Resource, ResourceKind, ResourceState

TAG = "hostlift-migration"
TRIAL_NAME = "hostlift-trial"
_RELEASE_DEADLINE = 900.0
_SETTLING = 20.0
"""Listings of what has just been deleted are at most so old."""
_TOKEN_LIFE = 1200.0
"""Seconds for which an unanswered request is repeated as it was. Older ones may name a release time
that has passed; what they made, if anything, is found by its tag when everything is released."""

Params = Mapping[str, Any]
Make = Callable[[str, Params], str]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The resources of the current migration."""

    journal: Journal
    cloud: Cloud
    waiter: Waiter

    @property
    def tags(self) -> dict[str, str]:
        """What every resource is tagged with."""
        return {TAG: self.journal.state.migration}

    def ensure(
        self,
        role: str,
        kind: ResourceKind,
        make: Make,
        params: Params | None = None,
        *,
        region: str = "",
    ) -> str:
        """The id of the resource in ``role``; ``make(token, params)`` is called when there is none.

        ``params`` are journaled with the intent: a repeated call gets those of the first time, so
        that the cloud sees the same request under the same token. A resource that is gone or
        failed is written off and made anew; one that was handed to the user is left to them.
        """
        held = self.journal.state.latest(role)
        if held is not None and held.life is Holding.HANDED and _same(held.params, params or {}):
            return held.id
        if held is not None and held.life is Holding.HELD:
            state = self.cloud.state(held.resource)
            if state is not None and state.phase is not Phase.FAILED:
                return held.id
            if state is not None:
                self.cloud.delete(held.resource)
            self._gone(held)
        attempt, agreed = self._intend(role, kind, params or {}, region)
        made = make(self._token(role, attempt), agreed)
        self.journal.append(Record.CREATED, role=role, attempt=attempt, kind=kind.value, id=made)
        return made

    def adopt(self, role: str, resource: Resource, params: Params | None = None) -> None:
        """The cloud made it along with something of ours: it is ours to release, too."""
        held = self.journal.state.latest(role)
        if held is not None and held.life is Holding.HELD and held.id == resource.id:
            return
        attempt, _ = self._intend(role, resource.kind, params or {}, resource.region)
        self.journal.append(
            Record.CREATED, role=role, attempt=attempt, kind=resource.kind.value, id=resource.id
        )

    def hand_over(self, role: str) -> None:
        """What is in ``role`` becomes the user's."""
        held = self.journal.state.latest(role)
        if held is not None and held.life is Holding.HELD:
            self.journal.append(Record.HANDED, role=role, attempt=held.attempt)

    def ready(self, resource: Resource, *, deadline: float, label: str) -> ResourceState:
        """Wait until a resource is READY.

        Raises:
            ResourceGone: It does not exist (any more).
            CloudError: It failed, or the deadline passed.
        """
        return self.reach(resource, Phase.READY, deadline=deadline, label=label)

    def running(self, instance: Resource, *, deadline: float, label: str) -> ResourceState:
        """Wait until an instance runs; one that stands still is started. Raises as `ready` does."""

        def start(state: ResourceState) -> None:
            if state.phase is Phase.STOPPED:
                self.cloud.instances.start(instance.id)

        return self.reach(instance, Phase.READY, deadline=deadline, label=label, nudge=start)

    def reach(
        self,
        resource: Resource,
        phase: Phase,
        *,
        deadline: float,
        label: str,
        nudge: Callable[[ResourceState], None] = lambda _: None,
    ) -> ResourceState:
        """Wait until a resource is in ``phase``; raises as `ready` does.

        Args:
            nudge: Called with every state that is not it yet.
        """

        def probe() -> ResourceState | None:
            state = self.cloud.state(resource)
            if state is None:
                raise ResourceGone(
                    f"{resource.id} does not exist any more", api_code="Gone", action=label
                )
            if state.phase is Phase.FAILED:
                raise CloudError(
                    f"{resource.id} ended as {state.detail}", api_code="Failed", action=label
                )
            self.waiter.percent(label, state.percent)
            if state.phase is phase:
                return state
            nudge(state)
            return None

        return self.waiter.until(probe, deadline=deadline, what=f"{label} {resource.id}")

    def release(self, keep: Collection[ResourceKind] = ()) -> list[Resource]:
        """Delete what this migration owns but ``keep``, newest first, and wait until it is gone.

        What was handed to the user is theirs.

        Open intents and everything that carries our tag are included, journaled or not.
        """
        released: list[Resource] = []
        handed = {h.id for h in self.journal.state.held.values() if h.life is Holding.HANDED}
        for held in _last_first(self.journal.state.live()):
            if held.kind in keep or held.life is not Holding.HELD:
                continue
            if self.delete(held.resource):
                released.append(held.resource)
            self._gone(held)
        tagged = reversed(self.cloud.find(TAG, self.journal.state.migration))
        loose = [r for r in tagged if r.kind not in keep and r.id not in handed]
        released += [r for r in loose if self.delete(r)]
        for held in self.journal.state.live():
            if held.life is Holding.INTENDED:
                self._gone(held)
        return released

    def withdraw(self, role: str) -> None:
        """The request that is open in ``role`` was refused: the next may ask for something else."""
        held = self.journal.state.latest(role)
        if held is not None and held.life is Holding.INTENDED:
            self._gone(held)

    def release_role(self, role: str) -> None:
        """Delete one resource, if it is there."""
        held = self.journal.state.latest(role)
        if held is not None and held.life is Holding.HELD:
            self.delete(held.resource)
            self._gone(held)

    def discard(self, chosen: Callable[[str], bool]) -> list[Resource]:
        """Delete whatever is or may be in the roles that ``chosen`` says, newest first.

        What a request made whose answer never came is looked for by its tag. The roles can be
        filled anew afterwards, by other resources than before.
        """
        live = self.journal.state.live()
        held = [h for h in live if chosen(h.role) and h.life is Holding.HELD]
        open_ones = [h for h in live if chosen(h.role) and h.life is Holding.INTENDED]
        strays = self._strays({h.kind for h in open_ones}) if open_ones else []
        for resource in strays:
            self.delete(resource)
        for intended in open_ones:
            self._gone(intended)
        for one in reversed(held):
            self.delete(one.resource)
            self._gone(one)
        return [*strays, *(h.resource for h in reversed(held))]

    def delete(self, resource: Resource) -> bool:
        """As `delete`, for this migration."""
        return delete(self.cloud, self.waiter, resource, self.journal.state.migration)

    def _strays(self, kinds: Collection[ResourceKind]) -> list[Resource]:
        """What carries our tag and is not in the journal, newest kind first."""
        known = {h.id for h in self.journal.state.live() if h.life is Holding.HELD}
        tagged = self.cloud.find(TAG, self.journal.state.migration)
        return [r for r in reversed(tagged) if r.kind in kinds and r.id not in known]

    def _gone(self, held: Held) -> None:
        self.journal.append(Record.GONE, role=held.role, attempt=held.attempt)

    def _intend(
        self, role: str, kind: ResourceKind, params: Params, region: str
    ) -> tuple[int, Params]:
        held = self.journal.state.latest(role)
        if held is not None and held.life is Holding.INTENDED:
            if self.waiter.clock.now() - held.at < _TOKEN_LIFE:
                return held.attempt, held.params
            self._gone(held)
        attempt = held.attempt + 1 if held else 1
        self.journal.append(
            Record.INTENT,
            role=role,
            attempt=attempt,
            kind=kind.value,
            region=region,
            params=dict(params),
        )
        return attempt, params

    def _token(self, role: str, attempt: int) -> str:
        text = f"{self.journal.state.migration}/{role}/{attempt}"
        return "hl-" + hashlib.sha256(text.encode()).hexdigest()[:48]


def _same(agreed: Params, wanted: Params) -> bool:
    """Whether two requests ask for the same, whenever they were made."""
    return {**agreed, "release_at": 0} == {**wanted, "release_at": 0}


def _last_first(live: list[Held]) -> list[Held]:
    """Newest first, snapshots last: those of a copied image are known after it and outlive it."""
    newest = live[::-1]
    under = [held for held in newest if held.kind is ResourceKind.SNAPSHOT]
    return [held for held in newest if held not in under] + under


def delete(cloud: Cloud, waiter: Waiter, resource: Resource, migration: str) -> bool:
    """Delete and wait until it is gone; dependants that still go are waited for.

    Args:
        migration: Whose it is.

    Returns:
        False: It is left to others who use it: a VPC in which another migration has moved, or in
        which the user has put something.

    Raises:
        CloudError: It cannot be deleted.
        DeadlinePassed: What depends on it did not go.
    """
    begun = waiter.clock.monotonic()

    def probe() -> bool | None:
        try:
            cloud.delete(resource)
        except CloudError as error:
            if error.retry is not Retry.RETRY:
                raise
            # Others who are leaving too must not each leave it to the other.
            patient = waiter.clock.monotonic() - begun < _SETTLING
            return (
                None
                if patient or not _used_by_others(cloud, waiter, resource, migration)
                else False
            )
        return True if cloud.state(resource) is None else None

    return waiter.until(probe, deadline=_RELEASE_DEADLINE, what=f"release of {resource.id}")


def _used_by_others(cloud: Cloud, waiter: Waiter, resource: Resource, migration: str) -> bool:
    if resource.kind is not ResourceKind.VPC:
        return False
    try:
        lodgers = cloud.networks.describe(resource.id).lodgers
    except ResourceGone:
        return False
    others = {tags.get(TAG, "") for tags in lodgers} - {migration}
    if others:
        who = ", ".join(sorted(o for o in others if o)) or "resources that are not hostlift's"
        waiter.sink(Note(f"{resource.id} stays: it is used by {who}"))
    return bool(others)
