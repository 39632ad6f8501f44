# SPDX-License-Identifier: Apache-2.0
"""Every external program hostlift runs, and the Debian package that has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Tool:
    """An external program; ``user`` names the part of hostlift that runs it."""

    program: str
    package: str
    user: str


TOOLS = (
    Tool("sfdisk", "fdisk", "agent: partition tables"),
    Tool("blkid", "util-linux", "inspect, agent: file system identities"),
    Tool("lsblk", "util-linux", "inspect: block devices"),
    Tool("partx", "util-linux", "agent: partition nodes where the kernel has no parser"),
    Tool("tune2fs", "e2fsprogs", "inspect: ext features"),
    Tool("dumpe2fs", "e2fsprogs", "inspect: ext features"),
    Tool("e2fsck", "e2fsprogs", "agent: check before capture"),
    Tool("resize2fs", "e2fsprogs", "agent: disks that grow"),
    Tool("xfs_growfs", "xfsprogs", "agent: disks that grow"),
    Tool("mkfs.xfs", "xfsprogs", "agent: target file systems"),
    Tool("xfs_repair", "xfsprogs", "agent: check before capture"),
    Tool("mkfs.btrfs", "btrfs-progs", "agent: target file systems"),
    Tool("btrfs", "btrfs-progs", "agent: check before capture"),
    Tool("mkswap", "util-linux", "agent: swap areas"),
    Tool("mkfs.vfat", "dosfstools", "agent: EFI system partitions"),
    Tool("xfs_info", "xfsprogs", "inspect: xfs features"),
    Tool("runuser", "util-linux", "replicate: freeze hooks of databases"),
    Tool("psql", "postgresql-client", "replicate: the PostgreSQL freeze hook"),
    Tool("mariadb", "mariadb-client", "replicate: the MySQL freeze hook"),
    Tool("mysql", "mysql-client", "replicate: the MySQL freeze hook"),
    Tool("redis-cli", "redis-tools", "replicate: the Redis freeze hook"),
    Tool("valkey-cli", "valkey-tools", "replicate: the Redis freeze hook"),
    Tool("mongosh", "mongodb-mongosh", "replicate: the MongoDB freeze hook"),
    Tool("mongo", "mongodb-org-shell", "replicate: the MongoDB freeze hook"),
    Tool("chroot", "coreutils", "agent: the guest's own tools"),
    Tool("update-initramfs", "initramfs-tools", "adapt: the guest's own"),
    Tool("dracut", "dracut", "adapt: the guest's own"),
    Tool("grub-install", "grub2-common", "adapt: the guest's own"),
    Tool("grub-mkconfig", "grub2-common", "adapt: the guest's own"),
    Tool("grub2-install", "grub2-tools", "adapt: the guest's own"),
    Tool("grub2-mkconfig", "grub2-tools", "adapt: the guest's own"),
    Tool("losetup", "mount", "agent: logical volumes; localcloud: process instances"),
    Tool("dd", "coreutils", "inspect: LVM metadata"),
    Tool("qemu-img", "qemu-utils", "localcloud: disks, snapshots, images"),
    Tool("qemu-system-x86_64", "qemu-system-x86", "localcloud: instances"),
    Tool("ip", "iproute2", "localcloud: networks"),
    Tool("bridge", "iproute2", "localcloud: networks"),
    Tool("nft", "nftables", "localcloud: security groups, addresses"),
    Tool("dnsmasq", "dnsmasq-base", "localcloud: DHCP inside a VPC"),
    Tool("mmdebstrap", "mmdebstrap", "localcloud: public images"),
    Tool("mke2fs", "e2fsprogs", "agent: target file systems; localcloud: public images"),
    Tool("grub-mkimage", "grub-common", "localcloud: public images"),
)


def package_of(program: str) -> str:
    """The Debian package of a program; the program's own name when it is not catalogued."""
    name = PurePath(program).name
    return next((t.package for t in TOOLS if t.program == name), name)
