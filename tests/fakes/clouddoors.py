# SPDX-License-Identifier: Apache-2.0
"""The doors of a cloud in memory: networks, instances, disks, images."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fakes.cloudthings import (
    SETTLING_SECONDS,
    STOPPING_SECONDS,
    TYPES,
    ZONES,
    Plate,
    Thing,
    gone,
    refusal,
)

from hostlift.errors import NotOffered, OutOfStock, Retry
from hostlift.ports.cloud import Phase, ResourceKind
from hostlift.ports.disks import Disk, DiskSpec
from hostlift.ports.images import ImageSpec
from hostlift.ports.instances import InstanceSpec, Placement, Server
from hostlift.ports.networks import Network, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fakes.cloud import MemoryCloud


@dataclass
class MemoryNetworks:
    """`hostlift.ports.networks.Networks`."""

    cloud: MemoryCloud

    def tagged(self, tag: str) -> list[Network]:
        with self.cloud._call("tagged", tag):
            vpcs = [t for t in self.cloud._living() if t.resource.kind is ResourceKind.VPC]
            return [self._network(t) for t in vpcs if tag in t.tags]

    def describe(self, vpc: str) -> Network:
        with self.cloud._call("describe", vpc):
            thing = self.cloud._need("DescribeVpcs", ResourceKind.VPC, vpc)
            inside = [t for t in self.cloud._living() if vpc in t.parents]
            return replace(
                self._network(thing),
                subnets=tuple(t.cidr for t in inside if t.cidr),
                lodgers=tuple(t.tags for t in inside),
            )

    def free_addresses(self, vswitch: str) -> int:
        with self.cloud._call("free_addresses", vswitch):
            taken = [t for t in self.cloud._living() if vswitch in t.parents]
            return 250 - len(taken)

    def _network(self, thing: Thing) -> Network:
        ready = self.cloud._phase(thing) is Phase.READY
        return Network(vpc=thing.resource.id, cidr=thing.cidr, ready=ready)

    def create_vpc(self, *, cidr: str, tags: dict[str, str], token: str) -> str:
        with self.cloud._call("create_vpc", cidr):
            vpc = self.cloud._made(ResourceKind.VPC, tags, token)
            self.cloud.things[vpc].cidr = cidr
            return vpc

    def create_address(self, *, mbps: int, tags: dict[str, str], token: str) -> str:
        with self.cloud._call("create_address", str(mbps)):
            made = self.cloud._made(ResourceKind.ADDRESS, tags, token)
            self.cloud.things[made].public_ip = f"192.0.2.{len(self.cloud.things)}"
            return made

    def associate(self, address: str, instance: str) -> None:
        with self.cloud._call("associate", address):
            eip = self.cloud._need("AssociateEipAddress", ResourceKind.ADDRESS, address)
            thing = self.cloud._need("AssociateEipAddress", ResourceKind.INSTANCE, instance)
            if thing.public_ip not in {"", eip.public_ip}:
                raise refusal("InvalidInstance.AlreadyHasIp", "AssociateEipAddress")
            thing.public_ip = eip.public_ip
            thing.parents = tuple({*thing.parents, address})

    def create_vswitch(
        self, *, vpc: str, zone: str, cidr: str, tags: dict[str, str], token: str
    ) -> str:
        with self.cloud._call("create_vswitch", vpc):
            if known := self.cloud._known(ResourceKind.VSWITCH, token):
                return known
            self.cloud._need("CreateVSwitch", ResourceKind.VPC, vpc, ready="IncorrectVpcStatus")
            if cidr in self.describe(vpc).subnets:
                raise refusal("InvalidCidrBlock.Overlapped", "CreateVSwitch")
            made = self.cloud._made(ResourceKind.VSWITCH, tags, token, parents=(vpc,))
            self.cloud.things[made].cidr = cidr
            return made

    def create_security_group(
        self, *, vpc: str, rules: tuple[Rule, ...], tags: dict[str, str], token: str
    ) -> str:
        with self.cloud._call("create_security_group", vpc):
            known = self.cloud._known(ResourceKind.SECURITY_GROUP, token)
            if not known:
                self.cloud._need("CreateSecurityGroup", ResourceKind.VPC, vpc)
            group = known or self.cloud._made(
                ResourceKind.SECURITY_GROUP, tags, token, parents=(vpc,)
            )
            self.cloud.things[group].rules = set(rules)
            return group


@dataclass
class MemoryInstances:
    """`hostlift.ports.instances.Instances`."""

    cloud: MemoryCloud

    def placements(self, *, zone: str = "", instance_type: str = "") -> Iterator[Placement]:
        zones, types = (zone,) if zone else ZONES, (instance_type,) if instance_type else TYPES
        for kind, place in itertools.product(types, zones):
            with self.cloud._call("placements", place):
                yield Placement(
                    zone=place,
                    instance_type=kind,
                    system_disk="cloud_essd",
                    data_disk="cloud_essd",
                    image="debian_12_10_x64_20G_alibase_20250401.vhd",
                )

    def run(self, spec: InstanceSpec, *, token: str) -> str:
        with self.cloud._call("run_instance", spec.name):
            if known := self.cloud._known(ResourceKind.INSTANCE, token):
                return known
            action = "RunInstances"
            self.cloud._need(
                action, ResourceKind.VSWITCH, spec.vswitch, ready="IncorrectVSwitchStatus"
            )
            self.cloud._need(action, ResourceKind.SECURITY_GROUP, spec.security_group)
            where = (spec.name, spec.placement.zone, spec.placement.instance_type)
            if where in self.cloud.sold_out:
                raise OutOfStock("sold out", api_code="OperationDenied.NoStock", action=action)
            if len(spec.user_data) > 16 * 1024:
                raise refusal("InvalidUserData.SizeExceeded", action)
            return self.cloud._run(spec, token)

    def start(self, instance: str) -> None:
        with self.cloud._call("start_instance", instance):
            thing = self.cloud._need("StartInstance", ResourceKind.INSTANCE, instance)
            if self.cloud._phase(thing) is Phase.STOPPED:
                thing.power, thing.made_at = Phase.READY, self.cloud.clock.now()

    def stop(self, instance: str, *, force: bool) -> None:
        with self.cloud._call("stop_instance", f"{instance} force={force}"):
            thing = self.cloud._need("StopInstance", ResourceKind.INSTANCE, instance)
            if self.cloud._phase(thing) is Phase.PENDING:
                raise refusal("IncorrectInstanceStatus", "StopInstance", Retry.RETRY)
            if self.cloud._phase(thing) is not Phase.STOPPED and (
                force or instance not in self.cloud.deaf
            ):
                thing.power, thing.power_at = (
                    Phase.STOPPED,
                    self.cloud.clock.now() + STOPPING_SECONDS,
                )

    def describe(self, instance: str) -> Server | None:
        with self.cloud._call("describe_instance", instance):
            thing = self.cloud.things.get(instance)
            if thing is None or self.cloud._gone(thing):
                return None
            return Server(
                id=instance,
                name=thing.instance.name if thing.instance else "",
                status=self.cloud._phase(thing).value,
                stopped=self.cloud._phase(thing) is Phase.STOPPED,
                zone=thing.instance.placement.zone if thing.instance else ZONES[0],
                image=thing.booted_from,
                kept_charging=instance not in self.cloud.stopped_for_free,
            )

    def renew(self, instance: str, release_at: float) -> None:
        with self.cloud._call("renew", instance):
            thing = self.cloud._need(
                "ModifyInstanceAutoReleaseTime", ResourceKind.INSTANCE, instance
            )
            thing.release_at = release_at

    def console(self, instance: str) -> str:
        with self.cloud._call("console", instance):
            self.cloud._need("GetInstanceConsoleOutput", ResourceKind.INSTANCE, instance)
            return self.cloud.consoles.get(instance, "")


@dataclass
class MemoryImages:
    """`hostlift.ports.images.Images`."""

    cloud: MemoryCloud

    def named(self, name: str) -> str:
        with self.cloud._call("image_named", name):
            return self.cloud._image_id(name)

    def snapshot(self, disk: str, *, name: str, tags: dict[str, str], token: str) -> str:
        with self.cloud._call("create_snapshot", disk):
            if known := self.cloud._known(ResourceKind.SNAPSHOT, token):
                return known
            if self.cloud._plate(disk) is None:
                raise gone("InvalidDiskId.NotFound", "CreateSnapshot")
            if disk in self.cloud.unused_disks:
                raise refusal("IncorrectDiskStatus.NeverUsed", "CreateSnapshot", Retry.RETRY)
            if any(
                disk in t.parents and self.cloud._phase(t) is Phase.PENDING
                for t in self.cloud._living()
            ):
                raise refusal("IncorrectDiskStatus.CreatingSnapshot", "CreateSnapshot", Retry.RETRY)
            made = self.cloud._made(ResourceKind.SNAPSHOT, tags, token, parents=(disk,))
            self.cloud.things[made].of_system = self.cloud.plates[disk].system
            return made

    def create(self, spec: ImageSpec, *, token: str) -> str:
        with self.cloud._call("create_image", spec.name):
            if known := self.cloud._known(ResourceKind.IMAGE, token):
                return known
            if self.cloud._image_id(spec.name):
                raise refusal("InvalidImageName.Duplicated", "CreateImage")
            if [d.system for d in spec.disks].count(True) != 1 or not spec.disks[0].system:
                raise refusal("InvalidDiskDeviceMapping", "CreateImage")
            sources = tuple(d.snapshot for d in spec.disks)
            for snapshot in sources:
                self.cloud._need(
                    "CreateImage",
                    ResourceKind.SNAPSHOT,
                    snapshot,
                    ready="InvalidSnapshotId.NotReady",
                )
            if not (self.cloud.whitelisted or self.cloud.things[sources[0]].of_system):
                raise NotOffered("refused", api_code="UserNotInTheWhiteList", action="CreateImage")
            image = self.cloud._made(ResourceKind.IMAGE, spec.tags, token, parents=sources)
            self.cloud.things[image].image = spec
            return image

    def copy(self, image: str, region: str, *, name: str, tags: dict[str, str], token: str) -> str:
        with self.cloud._call("copy_image", f"{image} {region}"):
            if known := self.cloud._known(ResourceKind.IMAGE, token):
                return known
            thing = self.cloud._need(
                "CopyImage", ResourceKind.IMAGE, image, ready="OperationDenied.ImageNotValid"
            )
            parts = tuple(
                self.cloud._made(ResourceKind.SNAPSHOT, {}, f"{token}/{n}", region=region)
                for n, _ in enumerate(thing.parents)
            )
            copy = self.cloud._made(ResourceKind.IMAGE, tags, token, parents=parts, region=region)
            assert thing.image is not None
            self.cloud.things[copy].image = replace(thing.image, name=name)
            return copy

    def parts(self, image: str, region: str) -> tuple[str, ...]:
        with self.cloud._call("image_parts", f"{image} {region}"):
            thing = self.cloud.things.get(image)
            known = thing is not None and not self.cloud._gone(thing)
            return thing.parents if thing and known and thing.resource.region == region else ()

    def share(self, image: str, accounts: Sequence[str]) -> None:
        with self.cloud._call("share_image", f"{image} {' '.join(accounts)}"):
            thing = self.cloud._need("ModifyImageSharePermission", ResourceKind.IMAGE, image)
            thing.shared_with = tuple(dict.fromkeys([*thing.shared_with, *accounts]))

    def shared_with(self, image: str) -> tuple[str, ...]:
        with self.cloud._call("image_shares", image):
            return self.cloud._need(
                "DescribeImageSharePermission", ResourceKind.IMAGE, image
            ).shared_with


@dataclass
class MemoryDisks:
    """`hostlift.ports.disks.Disks`."""

    cloud: MemoryCloud

    def describe(self, disk: str) -> Disk | None:
        with self.cloud._call("describe_disk", disk):
            plate = self.cloud._plate(disk)
            return self._view(plate) if plate else None

    def of(self, instance: str) -> tuple[Disk, ...]:
        with self.cloud._call("disks_of", instance):
            found = [p for p in self.cloud._plates() if p.instance == instance]
            return tuple(self._view(p) for p in sorted(found, key=lambda p: not p.system))

    def create(self, spec: DiskSpec, *, token: str) -> str:
        with self.cloud._call("create_disk", spec.name):
            if known := self.cloud._known(ResourceKind.DISK, token):
                return known
            self.cloud._need(
                "CreateDisk",
                ResourceKind.SNAPSHOT,
                spec.snapshot,
                ready="InvalidSnapshotId.NotReady",
            )
            made = self.cloud._made(ResourceKind.DISK, spec.tags, token)
            self.cloud.plates[made] = Plate(
                made,
                spec.size_gib,
                spec.zone,
                spec.category,
                tags=spec.tags,
                made_at=self.cloud.clock.now(),
                settles_at=self.cloud.clock.now() + SETTLING_SECONDS,
            )
            return made

    def grow(self, disk: str, size_gib: int, *, token: str) -> None:
        del token
        with self.cloud._call("grow_disk", f"{disk} {size_gib}"):
            plate = self._need(disk, "ResizeDisk")
            plate.size_gib = max(size_gib, plate.size_gib)
            self.cloud.sizes[disk] = plate.size_gib

    def attach(self, disk: str, instance: str, *, system: bool = False) -> None:
        with self.cloud._call("attach_disk", f"{disk} {instance}"):
            plate = self._need(disk, "AttachDisk")
            thing = self.cloud._need("AttachDisk", ResourceKind.INSTANCE, instance)
            if plate.instance == instance:
                return
            if plate.instance or not self.cloud._settled(plate):
                raise refusal("IncorrectDiskStatus", "AttachDisk", Retry.RETRY)
            if system and (
                plate.origin != instance or self.cloud._phase(thing) is not Phase.STOPPED
            ):
                raise refusal("OperationDenied", "AttachDisk")
            plate.instance, plate.system, plate.goes_along = instance, system, True
            plate.settles_at = self.cloud.clock.now() + SETTLING_SECONDS

    def detach(self, disk: str, instance: str) -> None:
        with self.cloud._call("detach_disk", f"{disk} {instance}"):
            plate = self._need(disk, "DetachDisk")
            if not plate.instance:
                return
            thing = self.cloud._need("DetachDisk", ResourceKind.INSTANCE, instance)
            if plate.instance != instance or not self.cloud._settled(plate):
                raise refusal("IncorrectDiskStatus", "DetachDisk", Retry.RETRY)
            if plate.system and self.cloud._phase(thing) is not Phase.STOPPED:
                raise refusal("IncorrectInstanceStatus", "DetachDisk")
            plate.instance, plate.goes_along = "", False
            plate.settles_at = self.cloud.clock.now() + SETTLING_SECONDS

    def replace_system(self, instance: str, image: str, size_gib: int, *, token: str) -> str:
        with self.cloud._call("replace_system", f"{instance} {image}"):
            if known := self.cloud._known(ResourceKind.DISK, token):
                return known
            thing = self.cloud._need("ReplaceSystemDisk", ResourceKind.INSTANCE, instance)
            made_of = self.cloud._need("ReplaceSystemDisk", ResourceKind.IMAGE, image).image
            if made_of is not None and len(made_of.disks) > 1:
                raise refusal("OperationDenied", "ReplaceSystemDisk")
            if self.cloud._phase(thing) is not Phase.STOPPED:
                raise refusal("IncorrectInstanceStatus", "ReplaceSystemDisk")
            old = next(p for p in self.cloud._plates() if p.instance == instance and p.system)
            made = self.cloud._made(ResourceKind.DISK, {}, token)
            del self.cloud.things[made]
            del self.cloud.plates[old.id]
            self.cloud.plates[made] = replace(
                old,
                id=made,
                size_gib=size_gib,
                settles_at=self.cloud.clock.now() + SETTLING_SECONDS,
            )
            thing.booted_from = image
            return made

    def _need(self, disk: str, action: str) -> Plate:
        plate = self.cloud._plate(disk)
        if plate is None:
            raise gone("InvalidDiskId.NotFound", action)
        return plate

    def _view(self, plate: Plate) -> Disk:
        return Disk(
            id=plate.id,
            system=plate.system,
            size_gib=plate.size_gib,
            category=plate.category,
            zone=plate.zone,
            serial=plate.serial,
            instance=plate.instance,
            settled=self.cloud._settled(plate),
        )
