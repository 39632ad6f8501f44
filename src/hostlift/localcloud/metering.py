# SPDX-License-Identifier: Apache-2.0
"""What an account's resources cost while they exist.

A bill has the price of an hour of all there is, and what was spent until that price last changed.
It is brought up to date inside the very change that makes, grows, stops or drops something, so that
it is exact without looking at a clock in between. Nothing is billed while the cloud is down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hostlift.localcloud.offer import prices
from hostlift.localcloud.offer.catalogue import INSTANCE_TYPES
from hostlift.localcloud.state.records import (
    Bill,
    Disk,
    Eip,
    Instance,
    InstanceStatus,
    Record,
    Snapshot,
    SnapshotStatus,
)
from hostlift.localcloud.state.store import Store

_HOUR = 3600.0


def hour_of(record: object) -> float:
    """What an hour of something costs, in the account's currency; networks and images are free."""
    match record:
        case Instance():
            return _hour_of_instance(record)
        case Disk():
            return prices.of_disk(record.category, record.size, record.performance)
        case Snapshot() if record.status is not SnapshotStatus.FAILED:
            return prices.SNAPSHOT_GIB_HOUR * record.disk_size
        case Eip() if record.internet_charge == "PayByBandwidth":
            return prices.MBIT_HOUR * record.bandwidth
        case _:
            return 0.0


class Meter:
    """The bills of all accounts of a store.

    Args:
        now: Seconds since 1970.
        factor: By which all prices are multiplied, as set at the moment.
    """

    def __init__(self, store: Store, now: Callable[[], float], factor: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._factor = factor
        store.watched_by(self._follow)

    def resume(self) -> None:
        """Bill from now on what is there; for the start of a cloud, and for other prices."""
        with self._store.change():
            for account in self._accounts():
                self._settle(account)

    def pause(self) -> None:
        """Write down what was spent until now, and bill no longer."""
        with self._store.change():
            for bill in self._store.bills.all():
                self._store.bills.put(replace(bill, spent=spent(bill, self._now()), hour=0.0))

    def spent(self, account: str) -> float:
        """What an account, by its id, has spent until now."""
        bill = self._store.bills.get(account)
        return spent(bill, self._now()) if bill is not None else 0.0

    def _follow(self, before: object, after: object) -> None:
        record = after if after is not None else before
        if isinstance(record, Record) and hour_of(before) != hour_of(after):
            self._settle(record.account)

    def _settle(self, account: str) -> None:
        now = self._now()
        bill = self._store.bills.get(account) or Bill(id=account, since=now)
        hour = self._factor() * sum(hour_of(r) for r in self._records(account))
        self._store.bills.put(replace(bill, spent=spent(bill, now), hour=hour, since=now))

    def _accounts(self) -> set[str]:
        known = {b.id for b in self._store.bills.all()}
        return known | {r.account for table in self._tables() for r in table}

    def _records(self, account: str) -> list[Record]:
        return [r for table in self._tables() for r in table if r.account == account]

    def _tables(self) -> tuple[list[Instance], list[Disk], list[Snapshot], list[Eip]]:
        store = self._store
        return store.instances.all(), store.disks.all(), store.snapshots.all(), store.eips.all()


def spent(bill: Bill, now: float) -> float:
    """What a bill comes to at a time."""
    return bill.spent + bill.hour * max(0.0, now - bill.since) / _HOUR


def _hour_of_instance(instance: Instance) -> float:
    if instance.deleting:
        return 0.0
    by_width = instance.internet_charge == "PayByBandwidth" and not instance.elastic
    width = prices.MBIT_HOUR * instance.bandwidth_out if by_width else 0.0
    idle = instance.status is InstanceStatus.STOPPED and instance.stopped_mode == "StopCharging"
    return width + (0.0 if idle else prices.of_instance(INSTANCE_TYPES[instance.type]))
