# SPDX-License-Identifier: Apache-2.0
"""What one account sees: its own records, in one region or in all, as they are or as they were.

An action works on a scope and on nothing else, so what belongs to another account cannot show.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from hostlift.localcloud.state.records import Record
from hostlift.localcloud.state.store import Store, Table

R = TypeVar("R", bound=Record)


class View(Generic[R]):
    """A table as a scope shows it, oldest record first."""

    def __init__(self, table: Table[R], account: str, region: str, at: float | None) -> None:
        self._table = table
        self._account = account
        self._region = region
        self._at = at

    def get(self, key: str) -> R | None:
        """The record; None also when it belongs to another account or is in another region."""
        if self._at is not None:
            return next((r for r in self.all() if r.id == key), None)
        record = self._table.get(key)
        return record if record is not None and self._shows(record) else None

    def all(self) -> list[R]:
        """All records in the scope."""
        known = self._table.all() if self._at is None else self._table.as_of(self._at)
        return [r for r in known if self._shows(r)]

    def put(self, record: R) -> None:
        """Add or replace; only inside a change."""
        if record.account != self._account:
            raise RuntimeError(f"{record.id} belongs to another account")
        self._table.put(record)

    def drop(self, key: str) -> None:
        """Remove; gone already is fine; only inside a change."""
        self._table.drop(key)

    def _shows(self, record: R) -> bool:
        return record.account == self._account and self._region in {"", record.region}


class Scope:
    """The tables of one account.

    Args:
        store: Where they are.
        account: Its id.
        region: Of a region; empty: of all.
        at: As they were then; None: as they are.
    """

    def __init__(
        self, store: Store, account: str, region: str = "", at: float | None = None
    ) -> None:
        self.vpcs = View(store.vpcs, account, region, at)
        self.vswitches = View(store.vswitches, account, region, at)
        self.groups = View(store.groups, account, region, at)
        self.instances = View(store.instances, account, region, at)
        self.disks = View(store.disks, account, region, at)
        self.snapshots = View(store.snapshots, account, region, at)
        self.images = View(store.images, account, region, at)
        self.eips = View(store.eips, account, region, at)
