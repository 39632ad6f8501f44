# SPDX-License-Identifier: Apache-2.0
"""All adaptations of a Linux copy, in the order they are made. A new one is one line here."""

from __future__ import annotations

from hostlift.adapt.linux.bench import Step
from hostlift.adapt.linux.families import debian
from hostlift.adapt.linux.steps import (
    beacon,
    boot_code,
    cloud_init,
    crypttab,
    foreign_agents,
    fstab,
    grub_defaults,
    grub_menu,
    ifupdown,
    initramfs,
    netplan,
    network_manager,
    networkd,
    resume,
    serial_getty,
    udev_rules,
)

FAMILIES = (debian.FAMILY,)

STEPS: tuple[Step, ...] = (
    fstab.STEP,
    crypttab.STEP,
    resume.STEP,
    udev_rules.STEP,
    ifupdown.STEP,
    netplan.STEP,
    networkd.STEP,
    network_manager.STEP,
    cloud_init.STEP,
    foreign_agents.STEP,
    serial_getty.STEP,
    beacon.STEP,
    grub_defaults.STEP,
    initramfs.STEP,
    grub_menu.STEP,
    boot_code.STEP,
)
