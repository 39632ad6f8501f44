# SPDX-License-Identifier: Apache-2.0
"""What all accounts hold, in rows for a person or a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hostlift.localcloud.state.records import Disk, Image, Instance, Record, SecurityGroup, Snapshot
from hostlift.localcloud.state.store import Store
from hostlift.localcloud.wire.times import to_second

Rows = list[dict[str, object]]
_COLUMNS: Mapping[str, str] = {
    "vpcs": "id name status region cidr",
    "vswitches": "id name status zone cidr",
    "security_groups": "id name vpc rules",
    "instances": "id name status type image private_ip public_ip release_at trouble",
    "disks": "id name status type size_gib instance trouble",
    "snapshots": "id name status disk size_gib trouble",
    "images": "id name status platform boot_mode created trouble",
    "eips": "id name status address instance",
}
"""By kind of resource; where not told otherwise below, a column is the record's own field."""


def empty() -> dict[str, Rows]:
    """Of a cloud that was never up."""
    return {kind: [] for kind in _COLUMNS}


def of(store: Store) -> dict[str, Rows]:
    """Oldest first."""
    tables: Mapping[str, Callable[[], Sequence[Record]]] = {
        "vpcs": store.vpcs.all,
        "vswitches": store.vswitches.all,
        "security_groups": store.groups.all,
        "instances": store.instances.all,
        "disks": store.disks.all,
        "snapshots": store.snapshots.all,
        "images": store.images.all,
        "eips": store.eips.all,
    }
    return {
        kind: [{c: _cell(record, c) for c in columns.split()} for record in tables[kind]()]
        for kind, columns in _COLUMNS.items()
    }


def _cell(record: Record, column: str) -> object:
    match record, column:
        case SecurityGroup(), "rules":
            return len(record.rules)
        case Instance(), "release_at":
            return to_second(record.release_at) if record.release_at else ""
        case Image(), "created":
            return to_second(record.created)
        case Disk(), "size_gib":
            return record.size
        case Snapshot(), "size_gib":
            return record.disk_size
        case _:
            value: object = getattr(record, column)
            return str(value) if column == "status" else value
