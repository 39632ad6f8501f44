# SPDX-License-Identifier: Apache-2.0
"""What the cloud will say, asked before anything is created.

Each item is asked for by itself: one that cannot be answered is a warning and hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hostlift.errors import ConfigError, HostliftError, OutOfStock, ResourceGone
from hostlift.flow.before.needs import features
from hostlift.flow.site.network import shared_network
from hostlift.flow.site.target import stopped
from hostlift.host import reach
from hostlift.inspect.checks.context import blocker, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.ports.cloud import Cloud, Resource, ResourceKind
from hostlift.ports.market import Feature, Permission, Quota
from hostlift.remote.messages import CONTROL_PORT, DATA_PORT
from hostlift.settings.user_config import Settings

LEAST_BALANCE = 100.0
"""Alibaba wants so much, in the account's currency, before it sells by the hour (FAQ 15)."""
_CPUS = 2
_SUBNETS = "vSwitches in a VPC"
_ADDRESSES = 2
"""The intermediate instance, and beside it the trial or the carrier."""
_OWN_GIB = 20
_POLICY = "Attach what 'hostlift policy' prints to the RAM user, then check again."


@dataclass(frozen=True, slots=True)
class Preflight:
    """The questions for one set of wishes.

    Args:
        new: Nothing was made yet: the image's name must be free.
    """

    cloud: Cloud
    settings: Settings
    new: bool = True

    def findings(self, *, identified: bool = True) -> Iterator[Finding]:
        """One or more for each item, in the order in which they matter.

        Args:
            identified: The cloud knows who we are; else only what needs no key is looked at.
        """
        for item, ask in _ITEMS if identified else _ITEMS[:_KEYLESS]:
            try:
                yield from ask(self)
            except HostliftError as error:
                yield warning(f"cloud.{item}", item, f"could not be asked: {error}", error.hint)

    def permissions(self) -> Iterator[Finding]:
        """Every action, tried in a way that cannot change anything."""
        told = list(self.cloud.market.permissions(features(self.settings) - {Feature.FORESIGHT}))
        yield _judged("Permissions", told, blocking=True)
        more = list(self.cloud.market.permissions({Feature.FORESIGHT}))
        if not all(p.allowed for p in more):
            yield _judged("Permissions", more, blocking=False)

    def balance(self) -> Iterator[Finding]:
        """Enough to be sold anything."""
        found = self.cloud.market.balance()
        if found is None:
            evidence = "the account's balance may not be asked for (bssapi:QueryAccountBalance)"
            yield note("cloud.Balance", "Balance", f"{evidence}; creating the instance will show")
            return
        said = f"{found.amount:.2f} {found.currency}"
        remedy = f"Top up the account to at least {LEAST_BALANCE:.0f} {found.currency}."
        if found.amount <= 0:
            yield blocker("cloud.Balance", "Balance", said, remedy)
        elif found.amount < LEAST_BALANCE:
            evidence = f"{said}: less than Alibaba Cloud wants for a pay-as-you-go instance"
            yield warning("cloud.Balance", "Balance", evidence, remedy)
        else:
            yield ok("cloud.Balance", "Balance", said)

    def quotas(self) -> Iterator[Finding]:
        """Room for what will be made."""
        wanted = self._wanted()
        told = [q for q in self.cloud.market.quotas() if q.counts in wanted]
        if not told:
            yield note("cloud.Quotas", "Quotas", "they may not be asked for")
        for quota in told:
            yield _room(self._counted(quota), wanted[quota.counts])

    def _wanted(self) -> dict[str, int]:
        s = self.settings
        sizes = [s.system_disk_size, *(d.data_disk_size for d in s.data_disks)]
        gib = _OWN_GIB + sum(max(size, 0) for size in sizes)
        twice = 2 if s.trial else 1
        return {
            "VPCs": 0 if s.vpc_id or shared_network(self.cloud) else 1,
            _SUBNETS: 0 if s.vswitch_id else 1,
            "security groups": 0 if s.security_group_id else 1,
            "images": 1,
            "vCPUs": _CPUS * twice,
            "disk GiB": gib * twice,
        }

    def _counted(self, quota: Quota) -> Quota:
        """What is counted by VPC is counted in the one that will be used."""
        if quota.counts != _SUBNETS:
            return quota
        vpc = self.settings.vpc_id or shared_network(self.cloud)
        if not vpc:
            return replace(quota, used=0)
        try:
            return replace(quota, used=len(self.cloud.networks.describe(vpc).subnets))
        except ResourceGone:
            return quota  # that it is not there is told by its key

    def stock(self) -> Iterator[Finding]:
        """A place for the intermediate instance."""
        s = self.settings
        title = "Instance type and disks in stock"
        try:
            offer = next(
                self.cloud.instances.placements(zone=s.zone_id, instance_type=s.instance_type)
            )
        except OutOfStock as error:
            yield blocker("cloud.Stock", title, error.message, error.hint)
            return
        evidence = (
            f"{offer.instance_type} in {offer.zone}, system disk {offer.system_disk}, data disks"
            f" {offer.data_disk}, image {offer.image}"
        )
        yield ok("cloud.Stock", title, evidence)

    def image_name(self) -> Iterator[Finding]:
        """No other image has it."""
        name = self.settings.image_name
        if not name or not self.new:
            return
        taken = self.cloud.images.named(name)
        title = "Image name is free"
        if taken:
            evidence = f"'{name}' is the name of {taken} in {self.settings.region_id}"
            yield blocker("cloud.ImageName", title, evidence, "Choose another image_name.")
        else:
            yield ok("cloud.ImageName", title, name)

    def network(self) -> Iterator[Finding]:
        """What the user named exists."""
        s = self.settings
        named = (
            ("vpc_id", ResourceKind.VPC, s.vpc_id),
            ("vswitch_id", ResourceKind.VSWITCH, s.vswitch_id),
            ("security_group_id", ResourceKind.SECURITY_GROUP, s.security_group_id),
        )
        for key, kind, name in named:
            if not name:
                continue
            if self.cloud.state(Resource(kind, name)) is None:
                evidence = f"{key}: there is no {name} in {s.region_id}"
                remedy = f"Correct {key}, or leave it empty."
                yield blocker("cloud.Network", "Network", evidence, remedy)
            elif kind is ResourceKind.VSWITCH:
                yield self._addresses(name)
            else:
                yield ok("cloud.Network", "Network", f"{key} {name}")

    def _addresses(self, vswitch: str) -> Finding:
        free = self.cloud.networks.free_addresses(vswitch)
        evidence = f"vswitch_id {vswitch} has {free} free addresses"
        if free >= _ADDRESSES or not self.new:
            return ok("cloud.Network", "Network", evidence)
        remedy = "Free some, or name a larger vSwitch of the VPC."
        return blocker("cloud.Network", "Network", f"{evidence}, {_ADDRESSES} needed", remedy)

    def target(self) -> Iterator[Finding]:
        """The server that shall get the disks can get them."""
        name = self.settings.target_instance_id
        title = "Target instance"
        if not name:
            return
        try:
            server = stopped(self.cloud, self.settings)
        except ConfigError as error:
            yield blocker("cloud.Target", title, error.message, error.hint)
            return
        evidence = f"{name} ({server.name}) is stopped; its system disk will be erased"
        yield ok("cloud.Target", title, evidence)

    def snapshots(self) -> Iterator[Finding]:
        """The image is made of snapshots."""
        active = self.cloud.market.snapshots_active()
        title = "Snapshot service"
        if active is False:
            remedy = "Activate the snapshot service once in the ECS console (free of itself)."
            yield blocker("cloud.Snapshots", title, "it is not activated", remedy)
        elif active is None:
            yield note("cloud.Snapshots", title, "not known; the first snapshot will show")
        else:
            yield ok("cloud.Snapshots", title)

    def endpoints(self) -> Iterator[Finding]:
        """Outbound connections; nothing is ever opened inbound."""
        title = "Outbound connections"
        for host in self._doors():
            where = urlsplit(f"//{host}")
            port = where.port or 443
            refused = reach.refusal(where.hostname or host, port)
            said = f"{where.hostname}:{port}"
            if refused:
                remedy = f"Allow outbound TCP to {said} (firewall, DNS, proxy)."
                yield warning("cloud.Endpoints", title, f"{said}: {refused}", remedy)
            else:
                yield ok("cloud.Endpoints", title, said)
        evidence = (
            f"TCP {CONTROL_PORT} and {DATA_PORT} to the intermediate instance are tried as soon as"
            " there is one"
        )
        yield note("cloud.Endpoints", title, evidence)

    def _doors(self) -> tuple[str, ...]:
        """What must be connected to: the endpoints, or the proxy that does it for us."""
        proxy = self.cloud.market.proxy()
        return (proxy,) if proxy else self.cloud.market.endpoints()

    def region(self) -> Iterator[Finding]:
        """It is one that is known; a cloud opens new ones, so an unknown one is tried all the same."""
        title = "Region"
        for key, name in self._regions():
            meant = self.cloud.market.meant_region(name)
            if meant == name:
                yield ok("cloud.Region", title, f"{key} {name}")
                continue
            guess = f"; did you mean {meant}?" if meant else ""
            evidence = f"{key}: {name} is no region that hostlift knows{guess}"
            yield warning("cloud.Region", title, evidence, f"Correct {key} unless it is a new one.")

    def _regions(self) -> list[tuple[str, str]]:
        wished = [("region_id", self.settings.region_id)]
        return wished + [("copy_to", name) for name in self.settings.copy_to]

    def proxy(self) -> Iterator[Finding]:
        """What goes through one, and what does not."""
        found = self.cloud.market.proxy()
        if found and self.settings.proxy_data:
            evidence = (
                f"calls of the API, and TCP {CONTROL_PORT} and {DATA_PORT} to the intermediate"
                f" instance, go through {found}; it must admit CONNECT to these ports"
            )
            yield note("cloud.Proxy", "HTTP proxy", evidence)
        elif found:
            evidence = (
                f"calls of the API go through {found}; TCP {CONTROL_PORT} and {DATA_PORT} to the"
                " intermediate instance do not and must be allowed directly"
            )
            yield note("cloud.Proxy", "HTTP proxy", evidence)
        else:
            yield ok("cloud.Proxy", "HTTP proxy", "none")


_KEYLESS = 3
"""So many items need no key."""
_ITEMS: tuple[tuple[str, Callable[[Preflight], Iterator[Finding]]], ...] = (
    ("Region", Preflight.region),
    ("Proxy", Preflight.proxy),
    ("Endpoints", Preflight.endpoints),
    ("Permissions", Preflight.permissions),
    ("Balance", Preflight.balance),
    ("Quotas", Preflight.quotas),
    ("Stock", Preflight.stock),
    ("Network", Preflight.network),
    ("Target", Preflight.target),
    ("ImageName", Preflight.image_name),
    ("Snapshots", Preflight.snapshots),
)


def _judged(title: str, told: list[Permission], *, blocking: bool) -> Finding:
    check = f"cloud.{title}"
    denied = [p.action for p in told if p.allowed is False]
    unknown = [p.action for p in told if p.allowed is None]
    if denied and blocking:
        return blocker(check, title, f"missing: {', '.join(denied)}", _POLICY)
    if denied:
        evidence = f"not needed, but without them less is known before: {', '.join(denied)}"
        return note(check, title, evidence)
    if unknown:
        return warning(check, title, f"no answer for: {', '.join(unknown)}", "Check again.")
    return ok(check, title, f"{len(told)} actions tried, all allowed")


def _room(quota: Quota, wanted: int) -> Finding:
    check, title = "cloud.Quotas", f"Quota of {quota.counts}"
    if quota.used is None:
        return ok(check, title, f"at most {quota.limit}")
    said = f"{quota.used} of {quota.limit} used, {wanted} needed"
    if quota.limit - quota.used >= wanted:
        return ok(check, title, said)
    remedy = "Delete what is no longer used, or raise the quota in the Quota Center."
    if quota.counts == "VPCs":
        remedy = "Name an existing vpc_id and vswitch_id, delete an unused VPC, or raise the quota."
    return blocker(check, title, said, remedy)
