# SPDX-License-Identifier: Apache-2.0
"""Step 3: network, security group and the intermediate instance. Undone by release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hostlift.errors import ConfigError, OutOfStock
from hostlift.flow.context import Context
from hostlift.flow.keepalive import release_time
from hostlift.flow.keys import keys
from hostlift.flow.results import Results, Site
from hostlift.flow.site import network
from hostlift.flow.site.stock import buy
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.ports.instances import InstanceSpec, Placement
from hostlift.remote.bootstrap import user_data

_ROLE = "intermediate"
INSTANCE_NAME = "INSTANCE_FOR_GO_TOALIYUN"
_OWN_SYSTEM_GIB = 20
_NETWORK_DEADLINE = 300.0
_BOOT_DEADLINE = 900.0


class Provision:
    """See the module."""

    name = "provision"
    title = "Provision the intermediate instance"
    result = Site
    stands_alone = False

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """Where, and the disks."""
        s = ctx.settings
        return {
            "migration": ctx.migration,
            "region": s.region_id,
            "sizes": _sizes(ctx, so_far),
            "address": s.address_kind,
            "network": [s.zone_id, s.vpc_id, s.vswitch_id, s.security_group_id, s.instance_type],
        }

    def holds(self, ctx: Context, _so_far: Results, result: Site) -> bool:
        """The instance exists, running or not."""
        state = ctx.cloud.state(Resource(ResourceKind.INSTANCE, result.instance))
        if state is None:
            ctx.note(
                f"The intermediate instance {result.instance} is gone; making another.", "warning"
            )
        return state is not None and state.phase is not Phase.FAILED

    def run(self, ctx: Context, so_far: Results) -> Site:
        """Make what is missing, wait until it runs."""
        sizes = _sizes(ctx, so_far)
        _refuse_taken_name(ctx)
        vpc = network.private_network(ctx)
        group = network.security_group(ctx, vpc)
        address = network.elastic_address(ctx)

        def order(offer: Placement) -> tuple[str, str, Placement]:
            vswitch = network.subnet(ctx, vpc, offer.zone)
            instance = _instance(ctx, sizes, offer, vswitch=vswitch, group=group)
            return vswitch, instance, _agreed(ctx, offer)

        vswitch, instance, agreed = buy(ctx, _ROLE, _offers(ctx), order)
        resource = Resource(ResourceKind.INSTANCE, instance)
        state = ctx.ledger.running(
            resource, deadline=_BOOT_DEADLINE, label="start of the intermediate instance"
        )
        if address:
            network.give_address(ctx, address, instance)
        return Site(
            instance=instance,
            zone=agreed.zone,
            instance_type=agreed.instance_type,
            system_category=agreed.system_disk,
            base_image=agreed.image,
            vswitch=vswitch,
            security_group=group,
            disks=_disks(ctx, resource, len(sizes)),
            net_mode=ctx.settings.net_mode,
            private_ip=state.private_ip,
        )


def _sizes(ctx: Context, so_far: Results) -> list[int]:
    """GiB of the target disks: the plan's; in the first stage of net_mode 1 there is none yet."""
    if so_far.plan is not None:
        return [disk.size_gib for disk in so_far.plan.plan.disks]
    data = sorted(ctx.settings.data_disks, key=lambda d: d.data_disk_index)
    return [ctx.settings.system_disk_size, *(disk.data_disk_size for disk in data)]


def _refuse_taken_name(ctx: Context) -> None:
    name, region = ctx.settings.image_name, ctx.settings.region_id
    taken = ctx.cloud.images.named(name)
    held = ctx.journal.state.latest("image")
    if taken and (held is None or held.id != taken):
        raise ConfigError(
            f"an image named '{name}' exists already in {region} ({taken})",
            subject="image_name",
            hint="Choose another image_name, or delete that image.",
        )


def _offers(ctx: Context) -> Iterator[Placement]:
    """Where the user wishes; else where our subnet is already, then anywhere."""
    wished = ctx.settings.zone_id or network.zone_of_given_subnet(ctx)
    own = wished or network.zone_of_own_subnet(ctx)
    kind = ctx.settings.instance_type
    try:
        yield from ctx.cloud.instances.placements(zone=own, instance_type=kind)
    except OutOfStock:
        if wished or not own:
            raise
    if own and not wished:
        offers = ctx.cloud.instances.placements(instance_type=kind)
        yield from (offer for offer in offers if offer.zone != own)


def _instance(
    ctx: Context, sizes: list[int], placement: Placement, *, vswitch: str, group: str
) -> str:
    both = keys(ctx)
    data = user_data(
        migration=ctx.migration,
        agent=both.agent,
        client_certificate_pem=both.client.certificate_pem,
    )

    def make(token: str, agreed: Mapping[str, Any]) -> str:
        return ctx.cloud.instances.run(
            InstanceSpec(
                name=INSTANCE_NAME,
                image=agreed["placement"]["image"],
                placement=Placement(**agreed["placement"]),
                vswitch=vswitch,
                security_group=group,
                system_gib=_OWN_SYSTEM_GIB,
                data_disks=tuple(agreed["sizes"]),
                user_data=data,
                release_at=agreed["release_at"],
                bandwidth_mbps=agreed["mbps"],
                tags=ctx.ledger.tags,
            ),
            token=token,
        )

    params = {
        "placement": _as_dict(placement),
        "sizes": sizes,
        "release_at": release_time(ctx),
        "mbps": network.MBPS if ctx.settings.address_kind == "own" else 0,
    }
    return ctx.ledger.ensure(_ROLE, ResourceKind.INSTANCE, make, params)


def _agreed(ctx: Context, offer: Placement) -> Placement:
    """As it was ordered: a repeated request keeps what was asked for first."""
    held = ctx.journal.state.latest(_ROLE)
    return Placement(**held.params["placement"]) if held else offer


def _as_dict(placement: Placement) -> dict[str, str]:
    return {name: getattr(placement, name) for name in Placement.__slots__}


def _disks(ctx: Context, instance: Resource, wanted: int) -> tuple[tuple[str, str], ...]:
    """The data disks in the order of the request; a listing may lag behind the instance's own."""

    def probe() -> tuple[tuple[str, str], ...] | None:
        state = ctx.cloud.state(instance)
        return state.disks if state is not None and len(state.disks) == wanted else None

    return ctx.waiter.until(
        probe, deadline=_NETWORK_DEADLINE, what=f"{wanted} data disks of {instance.id}"
    )
