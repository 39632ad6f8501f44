# SPDX-License-Identifier: Apache-2.0
"""The longer way to a snapshot that an image's system disk may be made of.

Not every account may make a system disk of a data disk's snapshot. A *carrier* is an instance made
of a public image: its system disk is taken off, gets every byte of the target's system disk on the
intermediate instance, is hung back where it came from, and is a system disk again. The carrier is
never started with it.

    carrier made, booted once, stopped ── its disk off ──> intermediate: bytes copied, read back
    carrier has its disk again         <── disk off ────── intermediate stopped

Every line can be told again: what is done is looked at first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hostlift.errors import ResourceGone
from hostlift.flow.context import Context
from hostlift.flow.journal import CARRIER, Holding
from hostlift.flow.keepalive import release_time
from hostlift.flow.results import Site
from hostlift.flow.site import moving
from hostlift.flow.site.stock import beside, buy
from hostlift.model.plan import MigrationPlan
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.instances import InstanceSpec, Placement
from hostlift.remote.messages import CloneOrder, JobKind, JobOrder

_DISK = "carrier-disk"
_NAME = "hostlift-carrier"
_POWER_DEADLINE = 900.0


def needed(ctx: Context) -> bool:
    """Whether this migration has found before that the short way is closed."""
    return ctx.journal.state.latest(CARRIER) is not None


def system_disk(ctx: Context, plan: MigrationPlan, site: Site) -> str:
    """Id of a system disk that holds every byte of the target's; its instance is stopped."""
    carrier = _carrier(ctx, plan, site)
    disk = _disk(ctx, carrier)
    try:
        moving.detach(ctx, disk, carrier)
        moving.attach(ctx, disk, site.instance)
        _copy(ctx, site, disk)
        stop(ctx, site.instance)
        moving.detach(ctx, disk, site.instance)
        moving.attach(ctx, disk, carrier, system=True)
    except ResourceGone:
        end(ctx)
        raise
    return disk


def end(ctx: Context) -> None:
    """Release the carrier and its disk, if there are any."""
    ctx.ledger.release_role(CARRIER)
    ctx.ledger.release_role(_DISK)


def stop(ctx: Context, instance: str) -> None:
    """Stop an instance whose disks are sealed or unused."""
    # Nothing on the disks is lost by pulling the plug, and an ACPI request can be lost before
    # logind runs.
    ctx.cloud.instances.stop(instance, force=True)
    ctx.ledger.reach(
        Resource(ResourceKind.INSTANCE, instance),
        Phase.STOPPED,
        deadline=_POWER_DEADLINE,
        label="stop of",
    )


def _carrier(ctx: Context, plan: MigrationPlan, site: Site) -> str:
    """The stopped carrier; a disk can be captured only when it has run once."""

    def order(offer: Placement) -> str:
        def make(token: str, agreed: Mapping[str, Any]) -> str:
            spec = InstanceSpec(
                name=_NAME,
                image=site.base_image,
                placement=offer,
                vswitch=site.vswitch,
                security_group=site.security_group,
                system_gib=agreed["gib"],
                release_at=agreed["release_at"],
                bandwidth_mbps=0,
                tags=ctx.ledger.tags,
            )
            return ctx.cloud.instances.run(spec, token=token)

        params = {"gib": plan.disks[0].size_gib, "release_at": release_time(ctx)}
        return ctx.ledger.ensure(CARRIER, ResourceKind.INSTANCE, make, params)

    ctx.note(
        "This account may not make an image's system disk of a data disk; taking the longer way"
        " over a system disk."
    )
    carrier = buy(ctx, CARRIER, beside(ctx, site), order)
    if not _known_disk(ctx, carrier):
        ctx.ledger.release_role(_DISK)  # of an earlier carrier, which is gone: it fits no other
        resource = Resource(ResourceKind.INSTANCE, carrier)
        ctx.ledger.running(resource, deadline=_POWER_DEADLINE, label="start of the carrier")
        stop(ctx, carrier)
    return carrier


def _disk(ctx: Context, carrier: str) -> str:
    """The carrier's system disk, wherever it hangs; from now on it is in the ledger by itself."""
    if known := _known_disk(ctx, carrier):
        return known
    found = next((d.id for d in ctx.cloud.disks.of(carrier) if d.system), "")
    if not found:
        end(ctx)
        raise ResourceGone(
            f"the system disk of {carrier} is gone", api_code="Gone", action="move of a disk"
        )
    ctx.ledger.adopt(_DISK, Resource(ResourceKind.DISK, found), {"carrier": carrier})
    return found


def _known_disk(ctx: Context, carrier: str) -> str:
    """The carrier's own disk, if it is in the ledger; else empty."""
    held = ctx.journal.state.latest(_DISK)
    ours = held is not None and held.life is Holding.HELD and held.params["carrier"] == carrier
    return held.id if held is not None and ours else ""


def _copy(ctx: Context, site: Site, disk: str) -> None:
    order = CloneOrder(
        source=site.serials[0],
        target=moving.settled(ctx, disk).serial,
        nonce=f"{ctx.migration}/{len(ctx.journal.history())}",
    )
    with ctx.agents(ctx, site) as agent:
        agent.run(JobOrder(kind=JobKind.CLONE, clone=order), label="copying the system disk")
