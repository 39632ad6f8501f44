# SPDX-License-Identifier: Apache-2.0
"""Debian, Ubuntu and what is made from them."""

from __future__ import annotations

from hostlift.adapt.linux.family import Edition, Family

FAMILY = Family(
    name="debian",
    ids=("debian", "raspbian", "kali", "devuan", "deepin", "uos", "proxmox", "pureos"),
    marks=("/etc/debian_version",),
    makers=("initramfs-tools", "dracut"),
    network="ifupdown",
)
UBUNTU = Family(
    name="ubuntu",
    ids=("ubuntu", "linuxmint", "elementary", "pop", "zorin"),
    makers=FAMILY.makers,
    network="ifupdown",
    editions=(Edition(since=(17, 10), network="netplan"),),
)
