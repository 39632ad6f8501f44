# SPDX-License-Identifier: Apache-2.0
"""All adaptations of a Linux copy, in the order they are made. A new one is one line here."""

from __future__ import annotations

from hostlift.adapt.linux.bench import Step
from hostlift.adapt.linux.families import alpine, arch, debian, redhat, suse, unknown
from hostlift.adapt.linux.steps.boot import (
    boot_code,
    boot_entries,
    efi_loader,
    extlinux,
    grub_defaults,
    grub_legacy,
    grub_menu,
    image_devices,
    initramfs,
    kernel_arguments,
    serial_getty,
    unified,
)
from hostlift.adapt.linux.steps.identity import (
    beacon,
    cloud_init,
    foreign_agents,
    hardware_clock,
    selinux,
    time_source,
)
from hostlift.adapt.linux.steps.network import (
    address,
    dhcpcd,
    ifupdown,
    modprobe_aliases,
    netctl,
    netplan,
    network_manager,
    network_scripts,
    networkd,
    resolver,
    udev_rules,
    wicked,
)
from hostlift.adapt.linux.steps.storage import (
    crypttab,
    device_lists,
    fstab,
    lvm,
    mdadm,
    mount_units,
    multipath,
    resume,
)

# A derivative before the one it is like: Ubuntu says it is like Debian.
FAMILIES = (
    debian.UBUNTU,
    debian.FAMILY,
    redhat.ALIBABA,
    redhat.ANOLIS,
    redhat.AMAZON,
    redhat.FEDORA,
    redhat.FAMILY,
    suse.FAMILY,
    arch.FAMILY,
    alpine.FAMILY,
    unknown.FAMILY,
)

STEPS: tuple[Step, ...] = (
    fstab.STEP,
    mount_units.STEP,
    crypttab.STEP,
    resume.STEP,
    lvm.STEP,
    mdadm.STEP,
    multipath.STEP,
    device_lists.STEP,
    udev_rules.STEP,
    modprobe_aliases.STEP,
    ifupdown.STEP,
    netplan.STEP,
    networkd.STEP,
    network_manager.STEP,
    network_scripts.STEP,
    wicked.STEP,
    netctl.STEP,
    dhcpcd.STEP,
    address.STEP,
    resolver.STEP,
    cloud_init.STEP,
    foreign_agents.STEP,
    time_source.STEP,
    hardware_clock.STEP,
    serial_getty.STEP,
    beacon.STEP,
    grub_defaults.STEP,
    kernel_arguments.STEP,
    initramfs.STEP,
    image_devices.STEP,
    unified.STEP,
    grub_menu.STEP,
    boot_entries.STEP,
    grub_legacy.STEP,
    extlinux.STEP,
    boot_code.STEP,
    efi_loader.STEP,
    # Last: what all others made is labelled.
    selinux.STEP,
)
