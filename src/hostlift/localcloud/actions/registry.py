# SPDX-License-Identifier: Apache-2.0
"""All actions; importing the modules registers them."""

from __future__ import annotations

from hostlift.localcloud.actions import identity, regions, tags
from hostlift.localcloud.actions.base import ACTIONS, Action, Context
from hostlift.localcloud.actions.instances import listing, power, run, types
from hostlift.localcloud.actions.network import groups, rules, vpcs, vswitches
from hostlift.localcloud.actions.storage import capture, disk_list, disks, images, snapshots

MODULES = (
    capture,
    disk_list,
    disks,
    groups,
    identity,
    images,
    listing,
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
