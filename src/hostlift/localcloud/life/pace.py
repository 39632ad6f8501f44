# SPDX-License-Identifier: Apache-2.0
"""How long something stays in its passing state beyond its work, when a fault says so."""

from __future__ import annotations

from hostlift.localcloud.state.records import Record
from hostlift.localcloud.world import World


def held(cloud: World, record: Record) -> float:
    """Seconds left; 0 when it may move on."""
    return max(0.0, record.not_before - cloud.clock.now())
