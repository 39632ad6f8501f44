# SPDX-License-Identifier: Apache-2.0
"""`hostlift.ports.cloud.Cloud` on Alibaba Cloud: a door to each kind of resource."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.account.market import AlibabaMarket
from hostlift.clouds.alibaba.actions import Service
from hostlift.clouds.alibaba.addresses import Addresses
from hostlift.clouds.alibaba.api import Api
from hostlift.clouds.alibaba.disks import Disks
from hostlift.clouds.alibaba.endpoints import endpoint
from hostlift.clouds.alibaba.images import DEVICE_PREFIX, Images, Snapshots
from hostlift.clouds.alibaba.instances import Instances
from hostlift.clouds.alibaba.inventory import Inventory
from hostlift.clouds.alibaba.network import Networks, SecurityGroups, Vpcs, VSwitches
from hostlift.clouds.alibaba.requests.offers import GetCallerIdentity
from hostlift.clouds.alibaba.transport import SdkTransport
from hostlift.errors import ResourceGone
from hostlift.ports.cloud import Belonging, Identity, Phase, Resource, ResourceKind, ResourceState

if TYPE_CHECKING:
    from hostlift.clouds.access import CloudAccess
    from hostlift.ports.clock import Clock

_Collection = Vpcs | VSwitches | SecurityGroups | Addresses | Disks | Instances | Snapshots | Images


def open_alibaba(access: CloudAccess, clock: Clock) -> AlibabaCloud:
    """The driver over the vendor's SDK; nothing is called yet.

    Raises:
        ConfigError: Region or endpoint cannot be what they are meant to be.
    """
    jitter = random.SystemRandom()
    transport = SdkTransport(access)
    transport.check()
    api = Api(
        transport, region=access.region, clock=clock, jitter=lambda limit: jitter.uniform(0, limit)
    )
    hosts = tuple(dict.fromkeys(endpoint(access, service).host for service in Service))
    return AlibabaCloud(
        api, AlibabaMarket(api, transport.credential_source, hosts, transport.proxy)
    )


class AlibabaCloud:
    """The driver.

    Args:
        market: Answers questions about the account.
        device_prefix: Of the device names in an image's disk mapping.
    """

    def __init__(
        self, api: Api, market: AlibabaMarket, *, device_prefix: str = DEVICE_PREFIX
    ) -> None:
        self._api = api
        self.market = market
        self.networks = Networks(api)
        self.instances = Instances(api)
        self.disks = Disks(api)
        self.images = Images(api, device_prefix)
        self._inventory = Inventory(api)

    def identity(self) -> Identity:
        """See `Cloud.identity`."""
        who = self._api.call(GetCallerIdentity())
        return Identity(account=who.account, arn=who.arn, kind=who.kind)

    def clock_skew(self) -> float:
        """See `Cloud.clock_skew`."""
        return self._api.skew(GetCallerIdentity())

    def state(self, resource: Resource) -> ResourceState | None:
        """See `Cloud.state`."""
        api = self._api.elsewhere(resource.region)
        try:
            known = _collection(api, resource.kind).state(resource.id)
        except ResourceGone:
            known = None
        if known is None and api.is_young(resource.id):
            return ResourceState(resource=resource, phase=Phase.PENDING, detail="not listed yet")
        return known and replace(known, resource=resource)

    def find(self, tag: str, value: str) -> list[Resource]:
        """See `Cloud.find`."""
        return [found.resource for found in self.belongings(tag, value)]

    def belongings(self, tag: str, owner: str = "") -> list[Belonging]:
        """See `Cloud.belongings`."""
        return self._inventory.belongings(tag, owner)

    def delete(self, resource: Resource) -> None:
        """See `Cloud.delete`."""
        api = self._api.elsewhere(resource.region)
        with contextlib.suppress(ResourceGone):
            _collection(api, resource.kind).delete(resource.id)
        api.buried(resource.id)


def _collection(api: Api, kind: ResourceKind) -> _Collection:
    networks = Networks(api)
    collections: dict[ResourceKind, _Collection] = {
        ResourceKind.VPC: networks.vpcs,
        ResourceKind.VSWITCH: networks.vswitches,
        ResourceKind.SECURITY_GROUP: networks.groups,
        ResourceKind.ADDRESS: networks.addresses,
        ResourceKind.DISK: Disks(api),
        ResourceKind.INSTANCE: Instances(api),
        ResourceKind.SNAPSHOT: Snapshots(api),
        ResourceKind.IMAGE: Images(api),
    }
    return collections[kind]
