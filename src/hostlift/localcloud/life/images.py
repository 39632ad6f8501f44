# SPDX-License-Identifier: Apache-2.0
"""Images: Creating → Available once all their snapshots are, or CreateFailed."""

from __future__ import annotations

from dataclasses import replace

from hostlift.localcloud.life.pace import held
from hostlift.localcloud.state.records import ImageStatus, SnapshotStatus
from hostlift.localcloud.world import World

_POLL = 0.2


def advance(cloud: World, key: str) -> float | None:
    """Wait for the snapshots; an image has no bytes of its own."""
    image = cloud.store.images.get(key)
    if image is None or image.status is not ImageStatus.CREATING:
        return None
    found = [cloud.store.snapshots.get(d.snapshot) for d in image.disks if d.snapshot]
    states = {s.status if s else SnapshotStatus.FAILED for s in found}
    if SnapshotStatus.FAILED in states:
        after, why = ImageStatus.FAILED, "a snapshot of it failed or is gone"
    elif SnapshotStatus.PROGRESSING in states:
        return _POLL
    elif wait := held(cloud, image):
        return wait
    elif image.doom:
        after, why = ImageStatus.FAILED, image.doom
    else:
        after, why = ImageStatus.AVAILABLE, ""
    with cloud.store.change():
        image = cloud.store.images.get(key)
        if image is not None:
            cloud.store.images.put(replace(image, status=after, trouble=why))
    return None
