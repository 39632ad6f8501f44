# SPDX-License-Identifier: Apache-2.0
"""A cloud in memory that keeps the promises of `hostlift.ports.cloud.Cloud`.

States advance with the clock (``delays`` says how fast), deletes are refused while dependants
live, a token names one resource for ever. ``fail_next`` makes a call fail before or after its
effect; ``lose`` and automatic release take instances away.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fakes.clouddoors import MemoryDisks, MemoryImages, MemoryInstances, MemoryNetworks
from fakes.cloudmarket import MemoryMarket
from fakes.cloudthings import (
    DELETING_SECONDS,
    PREFIX,
    SOON,
    Call,
    Fault,
    Plate,
    Thing,
    gone,
    refusal,
)

from hostlift.errors import CloudError, Retry
from hostlift.ports.cloud import Belonging, Identity, Phase, Resource, ResourceKind, ResourceState

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostlift.ports.clock import Clock
    from hostlift.ports.instances import InstanceSpec


class MemoryCloud:
    """`hostlift.ports.cloud.Cloud`; everything a test wants to steer is a plain attribute.

    Attributes:
        delays: Seconds from creation to READY, by kind.
        calls: Every call as ``(method, subject)``, in order.
        consoles: Text of ``console`` by instance id.
        unused_disks: Disks nothing was ever written to: no snapshot of them.
        sold_out: ``(name of the instance, zone, type)`` that is offered and then refused.
        sizes: GiB of the disks that were made larger.
        whitelisted: A system disk may be made of a data disk's snapshot.
        stopped_for_free: Instances that gave up their place when they were stopped.
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
        self.whitelisted = True
        self.stopped_for_free: set[str] = set()
        self.plates: dict[str, Plate] = {}
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
        self.disks = MemoryDisks(self)
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
        things = [t for t in self._living() if t.resource.kind is not ResourceKind.DISK]
        loose = [p for p in self._plates() if not (p.instance and p.goes_along)]
        found = [t.resource for t in things] + [Resource(ResourceKind.DISK, p.id) for p in loose]
        return [r for r in found if kind in {None, r.kind}]

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
            if resource.kind is ResourceKind.DISK:
                return self._disk_state(resource)
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
                disks=tuple((p.id, p.serial) for p in self._data_disks(resource.id)),
            )

    def find(self, tag: str, value: str) -> list[Resource]:
        with self._call("find", f"{tag}={value}"):
            return [found.resource for found in self.belongings(tag, value)]

    def belongings(self, tag: str, owner: str = "") -> list[Belonging]:
        order = list(ResourceKind)
        tagged = [t for t in self._here() if tag in t.tags and owner in {"", t.tags[tag]}]
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
            if resource.kind is ResourceKind.DISK:
                self._free(resource.id)
                return
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

    def _call(self, method: str, subject: str = "") -> Call:
        self.calls.append((method, subject))
        faults = self._faults.get(method, [])
        return Call(faults.pop(0) if faults else None, self._lock)

    def _known(self, kind: ResourceKind, token: str) -> str:
        resource = self.tokens.get(token)
        if resource is not None and resource.kind is not kind:
            raise refusal("IdempotentParameterMismatch", f"Create {kind.value}")
        return resource.id if resource else ""

    def _made(
        self,
        kind: ResourceKind,
        tags: dict[str, str],
        token: str,
        parents: tuple[str, ...] = (),
        region: str = "",
    ) -> str:
        if known := self._known(kind, token):
            return known
        self._count += 1
        resource = Resource(kind, f"{PREFIX[kind]}-{self._count:06d}", region)
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
        thing.booted_from = spec.image
        for n, size in enumerate((spec.system_gib, *spec.data_disks)):
            disk = f"d-{self._count:06d}{n}"
            self.plates[disk] = Plate(
                disk,
                size,
                spec.placement.zone,
                spec.placement.data_disk if n else spec.placement.system_disk,
                system=not n,
                instance=instance,
                origin="" if n else instance,
                tags=dict(spec.tags),
                made_at=self.clock.now(),
            )
        self.on_run(instance, spec)
        return instance

    def _image_id(self, name: str) -> str:
        named = [t.resource.id for t in self._living() if t.image and t.image.name == name]
        return named[0] if named else ""

    def _living(self) -> list[Thing]:
        return [t for t in self.things.values() if not self._gone(t)]

    def _here(self) -> list[Thing]:
        """What listings of the region show: a disk that goes along with its instance is part of it."""
        things = [
            t
            for t in self._living()
            if not t.resource.region and t.resource.kind is not ResourceKind.DISK
        ]
        loose = [p for p in self._plates() if not (p.instance and p.goes_along)]
        disks = [Thing(Resource(ResourceKind.DISK, p.id), p.tags, p.made_at, 0) for p in loose]
        return [*things, *disks]

    def _plates(self) -> list[Plate]:
        return [p for p in self.plates.values() if self._plate(p.id)]

    def _plate(self, disk: str) -> Plate | None:
        plate = self.plates.get(disk)
        if plate is None:
            return None
        host = self.things.get(plate.instance)
        if host is not None and self._gone(host):
            if plate.goes_along:
                return None
            plate.instance = ""
        return plate

    def _data_disks(self, instance: str) -> list[Plate]:
        return [p for p in self._plates() if p.instance == instance and not p.system]

    def _settled(self, plate: Plate) -> bool:
        return self.clock.now() >= plate.settles_at

    def _disk_state(self, disk: Resource) -> ResourceState | None:
        plate = self._plate(disk.id)
        if plate is None:
            return None
        phase = Phase.READY if self._settled(plate) else Phase.PENDING
        return ResourceState(resource=disk, phase=phase, detail=phase.value)

    def _free(self, disk: str) -> None:
        plate = self._plate(disk)
        if plate is None:
            return
        if plate.instance:
            self.disks.detach(disk, plate.instance)
        if not self._settled(plate):
            raise refusal("IncorrectDiskStatus", "DeleteDisk", Retry.RETRY)
        del self.plates[disk]
        if disk in self.things:
            self.things[disk].gone_at = self.clock.now()

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
