# SPDX-License-Identifier: Apache-2.0
"""A distribution nobody told us of: whatever is found in it is used."""

from __future__ import annotations

from hostlift.adapt.linux.family import Family

FAMILY = Family(
    name="unknown",
    ids=(),
    makers=("dracut", "initramfs-tools", "mkinitcpio", "mkinitfs", "suse-mkinitrd", "nash"),
    network="networkd",
)
