# SPDX-License-Identifier: Apache-2.0
"""A cloud in memory that keeps the promises of `hostlift.ports.cloud.Cloud`.

States advance with the clock (``delays`` says how fast), deletes are refused while dependants
live, a token names one resource for ever. ``fail_next`` makes a call fail before or after its
effect; ``lose`` and automatic release take instances away.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hostlift.errors import CloudError, OutOfStock, ResourceGone, Retry
from hostlift.model.cost import Tariff
from hostlift.ports.cloud import Belonging, Identity, Phase, Resource, ResourceKind, ResourceState
from hostlift.ports.images import ImageSpec
from hostlift.ports.instances import InstanceSpec, Placement
from hostlift.ports.market import Balance, Feature, Permission, Quota
from hostlift.ports.networks import Network, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from hostlift.ports.clock import Clock

SOON: dict[ResourceKind, float] = {
    ResourceKind.VPC: 2,
    ResourceKind.VSWITCH: 2,
    ResourceKind.SECURITY_GROUP: 0,
    ResourceKind.ADDRESS: 1,
    ResourceKind.DISK: 0,
    ResourceKind.INSTANCE: 20,
    ResourceKind.SNAPSHOT: 60,
    ResourceKind.IMAGE: 90,
}
STOPPING_SECONDS = 8.0
DELETING_SECONDS = 5.0
ZONES = ("cn-hangzhou-h", "cn-hangzhou-k")
TYPES = ("ecs.t6-c1m2.large", "ecs.t5-lc1m2.large")
PREFIX = {
    ResourceKind.VPC: "vpc",
    ResourceKind.VSWITCH: "vsw",
    ResourceKind.SECURITY_GROUP: "sg",
    ResourceKind.ADDRESS: "eip",
    ResourceKind.DISK: "d",
    ResourceKind.INSTANCE: "i",
    ResourceKind.SNAPSHOT: "s",
    ResourceKind.IMAGE: "m",
}


@dataclass
class Thing:
    """A resource as the cloud remembers it."""

    resource: Resource
    tags: dict[str, str]
    made_at: float
    seconds: float
    parents: tuple[str, ...] = ()
    failed: bool = False
    gone_at: float | None = None
    power: Phase = Phase.READY
    power_at: float = 0
    release_at: float = 0
    public_ip: str = ""
    private_ip: str = ""
    disks: tuple[tuple[str, str], ...] = ()
    cidr: str = ""
    rules: set[Rule] = field(default_factory=set)
    instance: InstanceSpec | None = None
    image: ImageSpec | None = None


@dataclass
class Fault:
    """A scripted failure of one call."""

    error: CloudError
    after: bool


class MemoryMarket:
    """`hostlift.ports.market.Market` of an account that may do and has everything."""

    def __init__(self) -> None:
        self.money: Balance | None = Balance(amount=5000.0, currency="CNY")
        self.limits: tuple[Quota, ...] = (Quota(counts="VPCs", limit=10, used=1),)
        self.rates = Tariff(
            currency="CNY", instance=0.1, disk_gib=0.002, snapshot_gib=0.12, source="the test"
        )
        self.denied: frozenset[str] = frozenset()
        self.active: bool | None = True
        self.through = ""

    def credential_source(self) -> str:
        return "key of the test"

    def endpoints(self) -> tuple[str, ...]:
        return ()

    def proxy(self) -> str:
        return self.through

    def balance(self) -> Balance | None:
        return self.money

    def quotas(self) -> tuple[Quota, ...]:
        return self.limits

    def tariff(
        self, placement: Placement, *, system_gib: int, data_disks: tuple[int, ...]
    ) -> Tariff:
        del placement, system_gib, data_disks
        return self.rates

    def usual_tariff(self) -> Tariff:
        return self.rates

    def permissions(self, features: Collection[Feature]) -> Iterator[Permission]:
        for feature in sorted(features):
            action = f"do:{feature.value}"
            yield Permission(action=action, allowed=action not in self.denied)

    def snapshots_active(self) -> bool | None:
        return self.active


class MemoryCloud:
    """`hostlift.ports.cloud.Cloud`; everything a test wants to steer is a plain attribute.

    Attributes:
        delays: Seconds from creation to READY, by kind.
        calls: Every call as ``(method, subject)``, in order.
        consoles: Text of ``console`` by instance id.
        unused_disks: Disks nothing was ever written to: no snapshot of them.
        sold_out: ``(name of the instance, zone, type)`` that is offered and then refused.
        sizes: GiB of the disks that were made larger.
        deaf: Instances that ignore a polite stop.
        address: Gives an instance its ``(public, private)`` address.
        on_run: Called with ``(instance id, spec)`` when an instance is made.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.delays = dict(SOON)
        self.calls: list[tuple[str, str]] = []
        self.consoles: dict[str, str] = {}
        self.unused_disks: set[str] = set()
        self.deaf: set[str] = set()
        self.sold_out: set[tuple[str, str, str]] = set()
        self.sizes: dict[str, int] = {}
        self.skew = 0.0
        self.address: Callable[[int], tuple[str, str]] = lambda n: (
            f"203.0.113.{n}",
            f"172.16.0.{n}",
        )
        self.on_run: Callable[[str, InstanceSpec], None] = lambda _id, _spec: None
        self.things: dict[str, Thing] = {}
        self.tokens: dict[str, Resource] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._count = 0
        self._lock = threading.RLock()
        self.market = MemoryMarket()
        self.networks = MemoryNetworks(self)
        self.instances = MemoryInstances(self)
        self.images = MemoryImages(self)

    # What tests steer

    def fail_next(
        self, method: str, error: CloudError, *, times: int = 1, after: bool = False
    ) -> None:
        """Let the next calls of ``method`` raise ``error``; ``after``: once the effect is there."""
        self._faults.setdefault(method, []).extend(Fault(error, after) for _ in range(times))

    def lose(self, instance: str) -> None:
        """Take an instance and its disks away, as its owner would in the console."""
        self.things[instance].gone_at = self.clock.now()

    def break_down(self, resource_id: str) -> None:
        """Let a snapshot or image end as failed."""
        self.things[resource_id].failed = True

    def alive(self, kind: ResourceKind | None = None) -> list[Resource]:
        """What exists, in order of creation."""
        things = [t for t in self.things.values() if not self._gone(t)]
        return [t.resource for t in things if kind in {None, t.resource.kind}]

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(1 for name, _ in self.calls if name == method)

    # The port

    def identity(self) -> Identity:
        with self._call("identity"):
            return Identity(
                account="1234567890123456", arn="acs:ram::1234567890123456:root", kind="Account"
            )

    def clock_skew(self) -> float:
        with self._call("clock_skew"):
            return self.skew

    def state(self, resource: Resource) -> ResourceState | None:
        with self._call("state", resource.id):
            thing = self.things.get(resource.id)
            if thing is None or self._gone(thing) or thing.resource != resource:
                return None
            phase = self._phase(thing)
            share = (self.clock.now() - thing.made_at) / (thing.seconds or 1)
            return ResourceState(
                resource=resource,
                phase=phase,
                detail=phase.value,
                percent=100 if phase is Phase.READY else max(0, min(99, int(share * 100))),
                public_ip=thing.public_ip,
                private_ip=thing.private_ip,
                disks=thing.disks,
            )

    def find(self, tag: str, value: str) -> list[Resource]:
        with self._call("find", f"{tag}={value}"):
            return [found.resource for found in self.belongings(tag, value)]

    def belongings(self, tag: str, owner: str = "") -> list[Belonging]:
        order = list(ResourceKind)
        tagged = [t for t in self._living() if tag in t.tags and owner in {"", t.tags[tag]}]
        found = [
            Belonging(
                resource=thing.resource,
                owner=thing.tags[tag],
                phase=self._phase(thing),
                created=thing.made_at,
                release_at=thing.release_at,
                parts=thing.parents if thing.image else (),
            )
            for thing in tagged
        ]
        return sorted(found, key=lambda b: order.index(b.resource.kind))

    def delete(self, resource: Resource) -> None:
        with self._call("delete", resource.id):
            thing = self.things.get(resource.id)
            if thing is None or self._gone(thing) or thing.gone_at is not None:
                return
            action = f"Delete{resource.kind.value}"
            if any(resource.id in other.parents for other in self._living()):
                raise refusal("DependencyViolation", action, Retry.RETRY)
            slow = resource.kind is ResourceKind.INSTANCE
            if slow and self._phase(thing) is Phase.PENDING:
                raise refusal("IncorrectInstanceStatus.Initializing", action, Retry.RETRY)
            thing.gone_at = self.clock.now() + (DELETING_SECONDS if slow else 0)

    # Inside

    def _call(self, method: str, subject: str = "") -> _Call:
        self.calls.append((method, subject))
        faults = self._faults.get(method, [])
        return _Call(faults.pop(0) if faults else None, self._lock)

    def _known(self, kind: ResourceKind, token: str) -> str:
        resource = self.tokens.get(token)
        if resource is not None and resource.kind is not kind:
            raise refusal("IdempotentParameterMismatch", f"Create {kind.value}")
        return resource.id if resource else ""

    def _made(
        self, kind: ResourceKind, tags: dict[str, str], token: str, parents: tuple[str, ...] = ()
    ) -> str:
        if known := self._known(kind, token):
            return known
        self._count += 1
        resource = Resource(kind, f"{PREFIX[kind]}-{self._count:06d}")
        now = self.clock.now()
        self.things[resource.id] = Thing(resource, dict(tags), now, self.delays[kind], parents)
        self.tokens[token] = resource
        return resource.id

    def _run(self, spec: InstanceSpec, token: str) -> str:
        parents = (spec.vswitch, spec.security_group, spec.image)
        instance = self._made(ResourceKind.INSTANCE, spec.tags, token, parents=parents)
        thing = self.things[instance]
        public, thing.private_ip = self.address(self._count)
        thing.public_ip = public if spec.bandwidth_mbps else ""
        thing.release_at, thing.instance = spec.release_at, spec
        sizes = enumerate(spec.data_disks, 1)
        thing.disks = tuple(
            (f"d-{self._count:06d}{n}", f"ser{self._count:06d}{n}") for n, _ in sizes
        )
        self.on_run(instance, spec)
        return instance

    def _image_id(self, name: str) -> str:
        named = [t.resource.id for t in self._living() if t.image and t.image.name == name]
        return named[0] if named else ""

    def _living(self) -> list[Thing]:
        return [t for t in self.things.values() if not self._gone(t)]

    def _need(self, action: str, kind: ResourceKind, name: str, *, ready: str = "") -> Thing:
        thing = self.things.get(name)
        if thing is None or thing.resource.kind is not kind or self._gone(thing):
            raise gone(f"Invalid{kind.value}.NotFound", action)
        if ready and self._phase(thing) is not Phase.READY:
            raise refusal(ready, action, Retry.RETRY)
        return thing

    def _gone(self, thing: Thing) -> bool:
        released = 0 < thing.release_at <= self.clock.now()
        return released or (thing.gone_at is not None and thing.gone_at <= self.clock.now())

    def _phase(self, thing: Thing) -> Phase:
        if thing.failed:
            return Phase.FAILED
        if thing.power is Phase.STOPPED:
            return Phase.STOPPED if self.clock.now() >= thing.power_at else Phase.STOPPING
        return Phase.READY if self.clock.now() >= thing.made_at + thing.seconds else Phase.PENDING


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

    def grow_disk(self, disk: str, size_gib: int, *, token: str) -> None:
        with self.cloud._call("grow_disk", f"{disk} {size_gib}"):
            owners = [t for t in self.cloud._living() if disk in dict(t.disks)]
            if not owners:
                raise refusal("InvalidDiskId.NotFound", "ResizeDisk")
            self.cloud.sizes[disk] = max(size_gib, self.cloud.sizes.get(disk, 0))

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
            owners = [
                t
                for t in self.cloud.things.values()
                if disk in dict(t.disks) and not self.cloud._gone(t)
            ]
            if not owners:
                raise gone("InvalidDiskId.NotFound", "CreateSnapshot")
            if disk in self.cloud.unused_disks:
                raise refusal("IncorrectDiskStatus.NeverUsed", "CreateSnapshot", Retry.RETRY)
            if any(
                disk in t.parents and self.cloud._phase(t) is Phase.PENDING
                for t in self.cloud._living()
            ):
                raise refusal("IncorrectDiskStatus.CreatingSnapshot", "CreateSnapshot", Retry.RETRY)
            return self.cloud._made(ResourceKind.SNAPSHOT, tags, token, parents=(disk,))

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
            image = self.cloud._made(ResourceKind.IMAGE, spec.tags, token, parents=sources)
            self.cloud.things[image].image = spec
            return image


class _Call:
    """One call: takes the lock, fails as scripted."""

    def __init__(self, fault: Fault | None, lock: threading.RLock) -> None:
        self.fault = fault
        self.lock = lock

    def __enter__(self) -> None:
        if self.fault and not self.fault.after:
            raise self.fault.error
        self.lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self.lock.release()
        if kind is None and self.fault and self.fault.after:
            raise self.fault.error


def refusal(code: str, action: str, retry: Retry = Retry.NEVER) -> CloudError:
    """An error as the cloud would answer it."""
    return CloudError(
        f"refused: {code}", api_code=code, action=action, request_id="R-1", retry=retry
    )


def gone(code: str, action: str) -> ResourceGone:
    """The answer about something that does not exist."""
    return ResourceGone(f"refused: {code}", api_code=code, action=action, request_id="R-1")
