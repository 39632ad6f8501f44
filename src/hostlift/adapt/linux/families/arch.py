# SPDX-License-Identifier: Apache-2.0
"""Arch Linux and what is made from it."""

from __future__ import annotations

from hostlift.adapt.linux.family import Family

FAMILY = Family(
    name="arch",
    ids=("arch", "archarm", "manjaro", "endeavouros", "artix", "cachyos", "garuda"),
    marks=("/etc/arch-release",),
    makers=("mkinitcpio", "dracut"),
    network="networkd",
)
