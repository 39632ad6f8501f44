# SPDX-License-Identifier: Apache-2.0
"""`hostlift.ports.cloud.Cloud` on Alibaba Cloud: the verbs, each handed to its resource."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.api import Api
from hostlift.clouds.alibaba.images import DEVICE_PREFIX, Images, Snapshots
from hostlift.clouds.alibaba.instances import Instances
from hostlift.clouds.alibaba.network import SecurityGroups, Vpcs, VSwitches
from hostlift.clouds.alibaba.placement import Placements
from hostlift.clouds.alibaba.requests.offers import GetCallerIdentity
from hostlift.clouds.alibaba.transport import SdkTransport
from hostlift.errors import ResourceGone
from hostlift.ports.cloud import (
    Identity,
    ImageSpec,
    InstanceSpec,
    Placement,
    Resource,
    ResourceKind,
    ResourceState,
    Rule,
)

if TYPE_CHECKING:
    from hostlift.clouds.access import CloudAccess
    from hostlift.ports.clock import Clock

_Collection = Vpcs | VSwitches | SecurityGroups | Instances | Snapshots | Images


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
    return AlibabaCloud(api)


class AlibabaCloud:
    """The driver.

    Args:
        device_prefix: Of the device names in an image's disk mapping.
    """

    def __init__(self, api: Api, *, device_prefix: str = DEVICE_PREFIX) -> None:
        self._api = api
        self._vpcs = Vpcs(api)
        self._vswitches = VSwitches(api)
        self._groups = SecurityGroups(api)
        self._instances = Instances(api)
        self._snapshots = Snapshots(api)
        self._images = Images(api, device_prefix)

    def identity(self) -> Identity:
        """See `Cloud.identity`."""
        who = self._api.call(GetCallerIdentity())
        return Identity(account=who.account, arn=who.arn, kind=who.kind)

    def clock_skew(self) -> float:
        """See `Cloud.clock_skew`."""
        return self._api.skew(GetCallerIdentity())

    def placement(self, *, zone: str = "", instance_type: str = "") -> Placement:
        """See `Cloud.placement`."""
        return Placements(self._api).choose(zone=zone, instance_type=instance_type)

    def image_named(self, name: str) -> str:
        """See `Cloud.image_named`."""
        return self._images.named(name)

    def create_vpc(self, *, cidr: str, tags: dict[str, str], token: str) -> str:
        """See `Cloud.create_vpc`."""
        return self._vpcs.create(cidr=cidr, tags=tags, token=token)

    def create_vswitch(
        self, *, vpc: str, zone: str, cidr: str, tags: dict[str, str], token: str
    ) -> str:
        """See `Cloud.create_vswitch`."""
        return self._vswitches.create(vpc=vpc, zone=zone, cidr=cidr, tags=tags, token=token)

    def create_security_group(
        self, *, vpc: str, rules: tuple[Rule, ...], tags: dict[str, str], token: str
    ) -> str:
        """See `Cloud.create_security_group`."""
        return self._groups.create(vpc=vpc, rules=rules, tags=tags, token=token)

    def run_instance(self, spec: InstanceSpec, *, token: str) -> str:
        """See `Cloud.run_instance`."""
        return self._instances.run(spec, token)

    def start_instance(self, instance: str) -> None:
        """See `Cloud.start_instance`."""
        self._instances.start(instance)

    def stop_instance(self, instance: str, *, force: bool) -> None:
        """See `Cloud.stop_instance`."""
        self._instances.stop(instance, force=force)

    def renew(self, instance: str, release_at: float) -> None:
        """See `Cloud.renew`."""
        self._instances.renew(instance, release_at)

    def create_snapshot(self, disk: str, *, name: str, tags: dict[str, str], token: str) -> str:
        """See `Cloud.create_snapshot`."""
        return self._snapshots.create(disk, name=name, tags=tags, token=token)

    def create_image(self, spec: ImageSpec, *, token: str) -> str:
        """See `Cloud.create_image`."""
        return self._images.create(spec, token)

    def console(self, instance: str) -> str:
        """See `Cloud.console`."""
        return self._instances.console(instance)

    def state(self, resource: Resource) -> ResourceState | None:
        """See `Cloud.state`."""
        try:
            return self._collection(resource.kind).state(resource.id)
        except ResourceGone:
            return None

    def find(self, tag: str, value: str) -> list[Resource]:
        """See `Cloud.find`."""
        return [
            Resource(kind, found)
            for kind in ResourceKind
            for found in self._collection(kind).find({tag: value})
        ]

    def delete(self, resource: Resource) -> None:
        """See `Cloud.delete`."""
        try:
            self._collection(resource.kind).delete(resource.id)
        except ResourceGone:
            return

    def _collection(self, kind: ResourceKind) -> _Collection:
        match kind:
            case ResourceKind.VPC:
                return self._vpcs
            case ResourceKind.VSWITCH:
                return self._vswitches
            case ResourceKind.SECURITY_GROUP:
                return self._groups
            case ResourceKind.INSTANCE:
                return self._instances
            case ResourceKind.SNAPSHOT:
                return self._snapshots
            case ResourceKind.IMAGE:
                return self._images
