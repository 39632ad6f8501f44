# SPDX-License-Identifier: Apache-2.0
"""VPC, vSwitch and security group: the user's own, or ours.

An account has few VPCs (10 in a region), so migrations share one: the first makes it, the others
find it by its tag and move in, each with a subnet and a group of its own. Whoever ends last deletes
it (`hostlift.flow.ledger.Ledger.delete`).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from hostlift.errors import CloudError, ConfigError
from hostlift.flow.context import Context
from hostlift.flow.journal import Holding
from hostlift.flow.ledger import TAG
from hostlift.ports.cloud import Cloud, Resource, ResourceKind, ResourceState
from hostlift.ports.networks import Rule
from hostlift.remote.messages import CONTROL_PORT, DATA_PORT
from hostlift.settings.user_config import Settings

VPC_CIDR = "172.31.0.0/16"
MBPS = 100
"""Outbound rate of a public address; the inbound one, which does the work, is as high."""
_FIRST_SUBNET = 86
_TAKEN = "InvalidCidrBlock.Overlapped"
_TRIES = 8
_DEADLINE = 300.0
_NOT_ROUTED = tuple(
    ipaddress.ip_network(n)
    for n in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
    )
)


ROLES = ("vpc", "vswitch", "security-group")
"""What instances stand in, in the ledger."""


def private_network(ctx: Context) -> str:
    """Id of the VPC to use, ready."""
    if ctx.settings.vpc_id:
        _given(ctx, "vpc_id", ResourceKind.VPC, ctx.settings.vpc_id)
        return ctx.settings.vpc_id

    def make(token: str, agreed: Mapping[str, Any]) -> str:
        if agreed["shared"]:
            return str(agreed["shared"])
        return ctx.cloud.networks.create_vpc(cidr=VPC_CIDR, tags=ctx.ledger.tags, token=token)

    shared = shared_network(ctx.cloud)
    vpc = ctx.ledger.ensure("vpc", ResourceKind.VPC, make, {"shared": shared})
    if shared == vpc:
        ctx.note(f"Using the private network {vpc}, which a migration made before.")
    ctx.ledger.ready(Resource(ResourceKind.VPC, vpc), deadline=_DEADLINE, label="private network")
    return vpc


def subnet(ctx: Context, vpc: str, zone: str) -> str:
    """Id of the vSwitch to use in a zone, ready."""
    if ctx.settings.vswitch_id:
        return ctx.settings.vswitch_id
    if zone_of_own_subnet(ctx) not in {"", zone}:
        ctx.ledger.release_role("vswitch")
    vswitch = _own_subnet(ctx, vpc, zone)
    ctx.ledger.ready(Resource(ResourceKind.VSWITCH, vswitch), deadline=_DEADLINE, label="subnet")
    return vswitch


def zone_of_given_subnet(ctx: Context) -> str:
    """Where the user's vSwitch is; empty when none is given.

    Raises:
        ConfigError: There is no such vSwitch.
    """
    given = ctx.settings.vswitch_id
    return _given(ctx, "vswitch_id", ResourceKind.VSWITCH, given).zone if given else ""


def zone_of_own_subnet(ctx: Context) -> str:
    """Where our vSwitch is; empty when there is none."""
    held = ctx.journal.state.latest("vswitch")
    return str(held.params.get("zone", "")) if held and held.life is Holding.HELD else ""


def security_group(ctx: Context, vpc: str) -> str:
    """Id of the group to use."""
    given = ctx.settings.security_group_id
    if given:
        _given(ctx, "security_group_id", ResourceKind.SECURITY_GROUP, given)
        return given

    def make(token: str, agreed: Mapping[str, Any]) -> str:
        rules = tuple(
            Rule(port=port, source=agreed["source"]) for port in (CONTROL_PORT, DATA_PORT)
        )
        return ctx.cloud.networks.create_security_group(
            vpc=agreed["vpc"], rules=rules, tags=ctx.ledger.tags, token=token
        )

    source = ctx.settings.source_cidr or _source(ctx, vpc)
    return ctx.ledger.ensure(
        "security-group", ResourceKind.SECURITY_GROUP, make, {"vpc": vpc, "source": source}
    )


def elastic_address(ctx: Context) -> str:
    """Id of the elastic address to use; empty when none is wished.

    It is taken before the instance, so that it is given back after it: an address in use cannot be.
    """
    if ctx.settings.address_kind != "elastic":
        return ""
    address = ctx.ledger.ensure(
        "address",
        ResourceKind.ADDRESS,
        lambda token, _: ctx.cloud.networks.create_address(
            mbps=MBPS, tags=ctx.ledger.tags, token=token
        ),
    )
    ctx.ledger.ready(
        Resource(ResourceKind.ADDRESS, address), deadline=_DEADLINE, label="elastic address"
    )
    return address


def give_address(ctx: Context, address: str, instance: str) -> None:
    """Tie an elastic address to a running instance, and wait until it shows."""
    ctx.cloud.networks.associate(address, instance)

    def has_it() -> bool | None:
        state = ctx.cloud.state(Resource(ResourceKind.INSTANCE, instance))
        return True if state is not None and state.public_ip else None

    ctx.waiter.until(has_it, deadline=_DEADLINE, what=f"public address of {instance}")


def reached_at(settings: Settings, state: ResourceState) -> str:
    """The address at which the source reaches an instance."""
    if settings.over_vpc:
        return state.private_ip
    return state.public_ip or state.private_ip


def _given(ctx: Context, key: str, kind: ResourceKind, name: str) -> ResourceState:
    state = ctx.cloud.state(Resource(kind, name))
    if state is None:
        raise ConfigError(
            f"there is no {name} in {ctx.settings.region_id}",
            subject=key,
            hint=f"Correct {key}, or leave it empty.",
        )
    return state


def shared_network(cloud: Cloud) -> str:
    """A VPC that a migration made; empty when there is none."""
    known = [n for n in cloud.networks.tagged(TAG) if n.cidr == VPC_CIDR and n.ready]
    return known[0].vpc if known else ""


def _own_subnet(ctx: Context, vpc: str, zone: str) -> str:
    def make(token: str, agreed: Mapping[str, Any]) -> str:
        return ctx.cloud.networks.create_vswitch(
            vpc=agreed["vpc"],
            zone=agreed["zone"],
            cidr=agreed["cidr"],
            tags=ctx.ledger.tags,
            token=token,
        )

    for cidr in _free_ranges(ctx, vpc):
        params = {"vpc": vpc, "zone": zone, "cidr": cidr}
        try:
            return ctx.ledger.ensure("vswitch", ResourceKind.VSWITCH, make, params)
        except CloudError as error:
            if error.api_code != _TAKEN:
                raise
            ctx.ledger.withdraw("vswitch")
    raise ConfigError(
        f"no address range for a subnet is free in {vpc}",
        subject="vswitch_id",
        hint="Name a vSwitch of that VPC with some free addresses.",
    )


def _free_ranges(ctx: Context, vpc: str) -> Iterator[str]:
    """Candidates that are free now; somebody else may be quicker."""
    network = ctx.cloud.networks.describe(vpc)
    taken = [ipaddress.IPv4Network(c) for c in network.subnets]
    whole = ipaddress.IPv4Network(network.cidr or VPC_CIDR)
    ranges = list(whole.subnets(new_prefix=max(24, whole.prefixlen)))
    start = min(_FIRST_SUBNET, len(ranges) - 1)
    free = (r for r in (*ranges[start:], *ranges[:start]) if not any(r.overlaps(t) for t in taken))
    for _, candidate in zip(range(_TRIES), free, strict=False):
        yield str(candidate)


def _source(ctx: Context, vpc: str) -> str:
    """The CIDR from which the instance will see the source."""
    if ctx.settings.proxy_data:
        return _anybody(ctx, "Data comes from the proxy's address, which is not known")
    if ctx.settings.net_mode == 1:
        return _anybody(ctx, "The source is another machine, whose address is not known here")
    if not ctx.settings.over_vpc:
        return _public_source(ctx)
    inside = ipaddress.IPv4Network(ctx.cloud.networks.describe(vpc).cidr)[1]
    return f"{_own_address(str(inside), CONTROL_PORT)}/32"


def _own_address(host: str, port: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Ours on the way to a host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing; it only asks the routing table.
        probe.connect((host, port))
        return ipaddress.ip_address(probe.getsockname()[0])


def _public_source(ctx: Context) -> str:
    target = urlsplit(ctx.settings.endpoint or f"https://ecs.{ctx.settings.region_id}.aliyuncs.com")
    own = _own_address(str(target.hostname), target.port or 443)
    if any(own in network for network in _NOT_ROUTED):
        return _anybody(ctx, f"This machine's address {own} is translated on its way out")
    return f"{own}/32"


def _anybody(ctx: Context, why: str) -> str:
    ctx.note(
        f"{why}, so ports {CONTROL_PORT} and {DATA_PORT} of the intermediate instance admit any"
        " address (both sides are pinned to this migration's certificates). Set source_cidr to"
        " narrow that.",
        "warning",
    )
    return "0.0.0.0/0"
