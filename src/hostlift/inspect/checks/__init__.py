# SPDX-License-Identifier: Apache-2.0
"""The catalogue of checks: one file each, in the order in which they are reported.

A check looks at the machine and at the source's files, changes nothing, and always says what it
saw and, where something is to be done, what. A new one is a new file and one line below.
"""

from __future__ import annotations

from hostlift.inspect.checks import (
    addresses,
    clock,
    datadisks,
    dropped,
    endpoints,
    fidelity,
    filesystems,
    firewall,
    fstab,
    platform,
    privileges,
    selinux,
    space,
    statefolder,
    storage,
    swap,
    workloads,
)
from hostlift.inspect.checks.boot import bootloader, secureboot, virtio
from hostlift.inspect.checks.context import Check, CheckContext
from hostlift.inspect.checks.image import (
    accounts,
    agents,
    cloudinit,
    layout,
    load,
    nvme,
    proxy,
    rsync,
    rtc,
    ssh,
    versions,
)
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

CATALOGUE: tuple[Check, ...] = (
    privileges.CHECK,
    platform.CHECK,
    versions.CHECK,
    layout.CHECK,
    virtio.CHECK,
    nvme.CHECK,
    bootloader.CHECK,
    secureboot.CHECK,
    filesystems.CHECK,
    storage.CHECK,
    fidelity.CHECK,
    datadisks.CHECK,
    space.CHECK,
    dropped.CHECK,
    fstab.CHECK,
    swap.CHECK,
    addresses.CHECK,
    firewall.CHECK,
    proxy.CHECK,
    ssh.CHECK,
    selinux.CHECK,
    accounts.CHECK,
    cloudinit.CHECK,
    agents.CHECK,
    workloads.CHECK,
    statefolder.CHECK,
    load.CHECK,
    rsync.CHECK,
    rtc.CHECK,
    clock.CHECK,
    endpoints.CHECK,
)


def check_all(machine: Machine, context: CheckContext) -> tuple[Finding, ...]:
    """Every check of the catalogue, in order."""
    return tuple(f for check in CATALOGUE for f in check.findings(machine, context))


__all__ = ["CATALOGUE", "Check", "CheckContext", "check_all"]
