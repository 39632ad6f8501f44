# SPDX-License-Identifier: Apache-2.0
"""Debian, Ubuntu and what is made from them."""

from __future__ import annotations

from hostlift.adapt.linux.family import Family

FAMILY = Family(
    name="debian",
    ids=("debian", "ubuntu", "raspbian", "linuxmint", "kali", "devuan", "deepin", "uos"),
    grub_folder="/boot/grub",
    grub_install=("grub-install", "--target=i386-pc", "--recheck", "{disk}"),
    grub_mkconfig=("grub-mkconfig", "-o", "/boot/grub/grub.cfg"),
    initramfs="/boot/initrd.img-{release}",
    rebuild=("update-initramfs", "-u", "-k", "{release}"),
    modules_list="/etc/initramfs-tools/modules",
    resume_file="/etc/initramfs-tools/conf.d/resume",
)
