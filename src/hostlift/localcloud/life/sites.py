# SPDX-License-Identifier: Apache-2.0
"""Hosts on premises that reach a private network over a VPN."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network

from hostlift.errors import ConfigError, StateError
from hostlift.localcloud.ids import new_id
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.state.records import Site
from hostlift.localcloud.world import World

_RETRY = 3.0


def join(cloud: World, vpc: str, namespace: str, address: str) -> Site:
    """Connect a host to a private network; connected already in the same way is fine.

    Args:
        namespace: The network namespace that is the host; made if it does not exist.
        address: Its address with the length of its network, for example ``192.168.77.10/24``.

    Raises:
        StateError: There is no such private network.
        ConfigError: The address cannot be used.
        HostError: The link cannot be made.
    """
    network = cloud.store.vpcs.get(vpc)
    if network is None:
        raise StateError("there is no such private network", subject=vpc)
    _check_address(address, network.cidr)
    same = [s for s in cloud.store.sites.all() if (s.vpc, s.namespace) == (vpc, namespace)]
    site = Site(
        id=same[0].id if same else new_id("vpn"), vpc=vpc, namespace=namespace, address=address
    )
    _connect(cloud, site)
    with cloud.store.change():
        cloud.store.sites.put(site)
    return site


def part(cloud: World, key: str) -> None:
    """Cut the link of a host; cut already is fine. The namespace stays."""
    site = cloud.store.sites.get(key)
    if site is None:
        return
    with cloud.wiring:
        cloud.fabric.disconnect(site.vpc, site.id)
    with cloud.store.change():
        cloud.store.sites.drop(key)


def advance(cloud: World, key: str) -> None:
    """Connect it again after a start of the cloud; one whose network is gone is forgotten."""
    site = cloud.store.sites.get(key)
    if site is None:
        return
    if cloud.store.vpcs.get(site.vpc) is None:
        with cloud.store.change():
            cloud.store.sites.drop(key)
        return
    _connect(cloud, site)


def fail(_cloud: World, _key: str, _reason: str) -> float | None:
    """Its namespace may come yet."""
    return _RETRY


def forget(cloud: World, vpc: str) -> None:
    """The network goes, inside a change: so do the links to it."""
    for site in cloud.store.sites.all():
        if site.vpc == vpc:
            cloud.store.sites.drop(site.id)


def job_of(site: Site) -> Job:
    """The job that connects it."""
    return Job("site", site.id)


def _connect(cloud: World, site: Site) -> None:
    vpc = cloud.store.vpcs.get(site.vpc)
    if vpc is None:
        return
    with cloud.wiring:
        cloud.fabric.ensure_vpc(vpc.id, vpc.cidr)
        cloud.fabric.connect(vpc.id, site.id, site.namespace, site.address)


def _check_address(address: str, cidr: str) -> None:
    try:
        found = IPv4Interface(address)
    except ValueError as error:
        raise ConfigError(
            f"not an address with a prefix length: {error}", subject=address
        ) from error
    if "/" not in address or found.network.overlaps(IPv4Network(cidr)):
        raise ConfigError(
            f"it must be outside of the private network {cidr}, with the length of its own network",
            subject=address,
            hint="For example 192.168.77.10/24.",
        )
