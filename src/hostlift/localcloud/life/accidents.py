# SPDX-License-Identifier: Apache-2.0
"""Faults that strike what a call began: slow states, failures, an instance that dies or vanishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hostlift.localcloud.faults.kinds import Fault, FaultKind
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life.instances import begin_release
from hostlift.localcloud.state.records import Instance, InstanceStatus
from hostlift.localcloud.state.store import Store, Table
from hostlift.localcloud.world import World

_POLL = 0.2
_COMING = {InstanceStatus.PENDING, InstanceStatus.STARTING}
Queued = list[tuple[Job, float]]


def afflict(
    cloud: World,
    account: str,
    parameters: Mapping[str, str],
    jobs: Queued,
    faults: Iterable[Fault],
) -> Queued:
    """Let faults strike what a call began, inside its change; the jobs to queue after it."""
    more: Queued = []
    for fault in faults:
        match fault.kind:
            case FaultKind.SLOW:
                _mark(cloud.store, jobs, not_before=cloud.clock.now() + fault.length)
            case FaultKind.FAILS:
                _mark(cloud.store, jobs, doom=fault.message or "an injected fault")
            case _:
                hit = _victim(cloud, account, fault.instance or _named(parameters))
                if hit is not None:
                    more.append((accident(fault.kind, hit.id), fault.seconds))
    return [*jobs, *more]


def accident(kind: FaultKind, instance: str) -> Job:
    """The job that kills or releases an instance."""
    return Job("kill" if kind is FaultKind.INSTANCE_KILLED else "vanish", instance)


def kill(cloud: World, key: str) -> float | None:
    """Pull an instance's plug; of one that does not run yet, once it does."""
    instance = cloud.store.instances.get(key)
    if instance is None or instance.deleting:
        return None
    if instance.status in _COMING:
        return _POLL
    cloud.compute.stop(key, force=True)
    return None


def vanish(cloud: World, key: str) -> None:
    """Release an instance, protected or not."""
    with cloud.store.change():
        begin_release(cloud, key)
    cloud.jobs.add(Job("instance", key))


def _mark(store: Store, jobs: Queued, **changes: Any) -> None:
    for job, _ in jobs:
        table = _table(store, job.kind)
        record = table.get(job.id) if table is not None else None
        if table is not None and record is not None:
            table.put(replace(record, **changes))


def _table(store: Store, kind: str) -> Table[Any] | None:
    tables: Mapping[str, Table[Any]] = {
        "vpc": store.vpcs,
        "vswitch": store.vswitches,
        "instance": store.instances,
        "disk": store.disks,
        "snapshot": store.snapshots,
        "image": store.images,
        "eip": store.eips,
    }
    return tables.get(kind)


def _named(parameters: Mapping[str, str]) -> str:
    return parameters.get("InstanceId", "")


def _victim(cloud: World, account: str, name: str) -> Instance | None:
    """The instance of that id or name, else the newest of the account."""
    found = [i for i in cloud.store.instances.all() if i.account == account and not i.deleting]
    named = [i for i in found if name and name in {i.id, i.name}]
    return next(reversed(named or found), None)
