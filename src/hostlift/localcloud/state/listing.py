# SPDX-License-Identifier: Apache-2.0
"""What all accounts hold, in rows for a person or a script."""

from __future__ import annotations

from hostlift.localcloud.state.store import Store
from hostlift.localcloud.wire.times import to_second

KINDS = (
    "vpcs",
    "vswitches",
    "security_groups",
    "instances",
    "disks",
    "snapshots",
    "images",
    "eips",
)
Rows = list[dict[str, object]]


def empty() -> dict[str, Rows]:
    """Of a cloud that was never up."""
    return {kind: [] for kind in KINDS}


def of(store: Store) -> dict[str, Rows]:
    """Oldest first."""
    return {
        "vpcs": [
            {
                "id": v.id,
                "name": v.name,
                "status": v.status.value,
                "region": v.region,
                "cidr": v.cidr,
            }
            for v in store.vpcs.all()
        ],
        "vswitches": [
            {"id": s.id, "name": s.name, "status": s.status.value, "zone": s.zone, "cidr": s.cidr}
            for s in store.vswitches.all()
        ],
        "security_groups": [
            {"id": g.id, "name": g.name, "vpc": g.vpc, "rules": len(g.rules)}
            for g in store.groups.all()
        ],
        "instances": _instances(store),
        "disks": _disks(store),
        "snapshots": _snapshots(store),
        "images": _images(store),
        "eips": [
            {
                "id": e.id,
                "name": e.name,
                "status": e.status.value,
                "address": e.address,
                "instance": e.instance,
            }
            for e in store.eips.all()
        ],
    }


def _instances(store: Store) -> Rows:
    return [
        {
            "id": i.id,
            "name": i.name,
            "status": i.status.value,
            "type": i.type,
            "image": i.image,
            "private_ip": i.private_ip,
            "public_ip": i.public_ip,
            "release_at": to_second(i.release_at) if i.release_at else "",
            "trouble": i.trouble,
        }
        for i in store.instances.all()
    ]


def _disks(store: Store) -> Rows:
    return [
        {
            "id": d.id,
            "name": d.name,
            "status": d.status.value,
            "type": d.type,
            "size_gib": d.size,
            "instance": d.instance,
            "trouble": d.trouble,
        }
        for d in store.disks.all()
    ]


def _snapshots(store: Store) -> Rows:
    return [
        {
            "id": s.id,
            "name": s.name,
            "status": s.status.value,
            "disk": s.disk,
            "size_gib": s.disk_size,
            "trouble": s.trouble,
        }
        for s in store.snapshots.all()
    ]


def _images(store: Store) -> Rows:
    return [
        {
            "id": i.id,
            "name": i.name,
            "status": i.status.value,
            "platform": i.platform,
            "boot_mode": i.boot_mode,
            "created": to_second(i.created),
            "trouble": i.trouble,
        }
        for i in store.images.all()
    ]
