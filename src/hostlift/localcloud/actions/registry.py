# SPDX-License-Identifier: Apache-2.0
"""All actions; importing the modules registers them."""

from __future__ import annotations

from hostlift.localcloud.actions import identity, regions, tags
from hostlift.localcloud.actions.account import limits, money
from hostlift.localcloud.actions.base import ACTIONS, Action, Context
from hostlift.localcloud.actions.instances import cards, listing, power, run, types
from hostlift.localcloud.actions.network import eips, groups, rules, vpcs, vswitches
from hostlift.localcloud.actions.storage import (
    capture,
    disk_list,
    disks,
    images,
    sharing,
    snapshots,
    sysdisk,
)

MODULES = (
    capture,
    disk_list,
    cards,
    disks,
    eips,
    groups,
    identity,
    images,
    limits,
    listing,
    money,
    power,
    regions,
    rules,
    run,
    sharing,
    snapshots,
    sysdisk,
    tags,
    types,
    vpcs,
    vswitches,
)

__all__ = ["ACTIONS", "MODULES", "Action", "Context"]
