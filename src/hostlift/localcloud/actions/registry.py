# SPDX-License-Identifier: Apache-2.0
"""All actions; importing the modules registers them."""

from __future__ import annotations

from hostlift.localcloud.actions import (
    capture,
    disks,
    groups,
    identity,
    images,
    instances,
    power,
    regions,
    rules,
    run,
    snapshots,
    tags,
    types,
    vpcs,
    vswitches,
)
from hostlift.localcloud.actions.base import ACTIONS, Action, Context

MODULES = (
    capture,
    disks,
    groups,
    identity,
    images,
    instances,
    power,
    regions,
    rules,
    run,
    snapshots,
    tags,
    types,
    vpcs,
    vswitches,
)

__all__ = ["ACTIONS", "MODULES", "Action", "Context"]
