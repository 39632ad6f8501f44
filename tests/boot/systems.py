# SPDX-License-Identifier: Apache-2.0
"""The systems that are adapted and booted, one row each.

A row is a tree, the disks of the target, and a machine's own files (``machines/NAME``) laid over the
tree: an old fstab, an address of its own network, what an installer leaves in ``/boot``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from boot import trees
from boot.trees import Tree

from hostlift.host.lvm.records import derived_id
from hostlift.model.adaptation import AdaptOrder, Addressing
from hostlift.model.machine import TableKind
from hostlift.model.plan import (
    Area,
    Content,
    TargetDisk,
    TargetLogical,
    TargetPartition,
    TargetPhysical,
    TargetSubvolume,
    Volume,
)

MIB = 1 << 20
TOKEN = "b007ed"
BEACON = f"hostlift-beacon {TOKEN} end"
LOGIN = "server01 login:"
_TYPES = {
    (TableKind.MBR, Content.FILES): "83",
    (TableKind.MBR, Content.SWAP): "82",
    (TableKind.MBR, Content.LVM): "8e",
    (TableKind.MBR, Content.ESP): "ef",
    (TableKind.GPT, Content.FILES): "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    (TableKind.GPT, Content.SWAP): "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
    (TableKind.GPT, Content.LVM): "E6D6D379-F507-44C2-A23C-238F2A3DF928",
    (TableKind.GPT, Content.BIOS_BOOT): "21686148-6449-6E6F-744E-656564454649",
    (TableKind.GPT, Content.ESP): "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
}


def uuid_of(name: str) -> str:
    """The UUID that a row's fstab and boot menu may name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.boot.example.com"))


@dataclass(frozen=True, slots=True)
class Part:
    """A partition of a row, in MiB; a btrfs root has the subvolumes ``@`` and ``@home``.

    Attributes:
        name: Of a logical volume.
        volumes: With `Content.LVM`: the logical volumes of the group ``vg-0`` on it.
    """

    mount_point: str
    size: int
    file_system: str = "ext4"
    content: Content = Content.FILES
    name: str = ""
    volumes: tuple[Part, ...] = ()


def group_of(*volumes: Part) -> Part:
    """A physical volume that holds them."""
    size = sum(v.size for v in volumes) + 1
    return Part("", size, "", Content.LVM, volumes=volumes)


ESP = Part("/boot/efi", 96, "vfat", Content.ESP)
BIOS_BOOT = Part("", 1, "", Content.BIOS_BOOT)
SWAP = Part("", 64, "swap", Content.SWAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A row.

    Attributes:
        disks: Partitions of each disk, in order.
        firmware: What the target starts with.
        signal: Words on the console that prove the boot.
        before: Command run in the source's tree before it is copied.
        rebuild: The guest's tool may make the initramfs anew.
        asks: An address by DHCP must have come.
        keeps: Static address that must have been kept instead.
        default_subvolume: A btrfs root is found by its default subvolume; nothing names it.
        fast: It is one of the three that every test run boots.
    """

    name: str
    tree: Tree
    table: TableKind
    disks: tuple[tuple[Part, ...], ...]
    firmware: str = "bios"
    signal: str = BEACON
    before: str = ""
    rebuild: bool = True
    asks: bool = True
    keeps: str = ""
    default_subvolume: bool = False
    fast: bool = False


_NO_VIRTIO = "update-initramfs -u"
_NO_VIRTIO_DRACUT = (
    "dracut --force --no-hostonly --omit-drivers 'virtio_blk virtio_net virtio_scsi nvme'"
    " /boot/initrd.img-$(ls /lib/modules) $(ls /lib/modules)"
)

# Nothing in /boot can start: the image on the EFI partition has it all, but no driver of ECS.
_UNIFIED = """release=$(ls /lib/modules)
dracut --force --uefi --no-hostonly --omit-drivers 'virtio_blk virtio_net virtio_scsi nvme' \
    --kernel-cmdline "root=UUID=50acc43f-20fd-5a30-b199-0f05dc5a133a ro quiet" \
    "/boot/efi/EFI/Linux/debian-$release.efi" "$release"
rm -f /boot/initrd.img-*
"""

# The same image, packed so that nobody recognises its maker.
_UNKNOWN_MAKER = f"""{_NO_VIRTIO}
image=$(ls /boot/initrd.img-*)
unmkinitramfs "$image" /tmp/image
cd /tmp/image
mv scripts/init-top scripts/first
sed -i 's,scripts/init-top,scripts/first,g' init scripts/first/*
find . | cpio --quiet -o -H newc | gzip >"$image"
"""

SYSTEMS = (
    System(
        name="bookworm-bios-mbr-ext4",
        tree=trees.BOOKWORM,
        table=TableKind.MBR,
        disks=((Part("/", 900), SWAP),),
        fast=True,
    ),
    System(
        name="bookworm-uefi-shim-boot-networkd",
        tree=trees.BOOKWORM,
        table=TableKind.GPT,
        disks=((ESP, Part("/boot", 200), Part("/", 900)),),
        firmware="uefi",
        fast=True,
    ),
    System(
        name="bookworm-no-drivers-appended",
        tree=trees.BOOKWORM,
        table=TableKind.MBR,
        disks=((Part("/", 900),),),
        before=_NO_VIRTIO,
        rebuild=False,
        fast=True,
    ),
    System(
        name="bookworm-no-drivers-rebuilt",
        tree=trees.BOOKWORM,
        table=TableKind.GPT,
        disks=((BIOS_BOOT, Part("/", 900)),),
        before=_NO_VIRTIO,
    ),
    System(
        name="bookworm-unknown-maker-appended",
        tree=trees.BOOKWORM,
        table=TableKind.MBR,
        disks=((Part("/", 900),),),
        before=_UNKNOWN_MAKER,
        rebuild=False,
    ),
    System(
        name="bookworm-btrfs-subvolumes",
        tree=trees.BOOKWORM,
        table=TableKind.GPT,
        disks=((BIOS_BOOT, Part("/", 1100, "btrfs")),),
    ),
    System(
        name="bookworm-btrfs-default-subvolume",
        tree=trees.BOOKWORM,
        table=TableKind.GPT,
        disks=((BIOS_BOOT, Part("/boot", 200), Part("/", 1100, "btrfs")),),
        default_subvolume=True,
    ),
    System(
        name="bookworm-lvm",
        tree=trees.LVM,
        table=TableKind.MBR,
        disks=(
            (
                group_of(
                    Part("/", 1000, name="root"),
                    Part("/home", 100, name="home-dir"),
                    replace(SWAP, name="swap_1"),
                ),
            ),
        ),
    ),
    System(
        name="bookworm-lvm-boot-no-drivers",
        tree=trees.LVM,
        table=TableKind.GPT,
        disks=(
            (
                BIOS_BOOT,
                Part("/boot", 200),
                group_of(Part("/home", 100, name="home"), Part("/", 1000, name="root")),
            ),
        ),
        before=_NO_VIRTIO,
        rebuild=False,
    ),
    System(
        name="bookworm-bios-to-uefi",
        tree=trees.BOOKWORM,
        table=TableKind.GPT,
        disks=((ESP, Part("/", 900)),),
        firmware="uefi",
    ),
    System(
        name="bookworm-bios-to-uefi-mbr",
        tree=trees.BOOKWORM,
        table=TableKind.MBR,
        disks=((replace(ESP, size=256), Part("/", 900)),),
        firmware="uefi",
    ),
    System(
        name="bookworm-uefi-to-bios",
        tree=trees.BOOKWORM,
        table=TableKind.GPT,
        disks=((BIOS_BOOT, ESP, Part("/", 900)),),
    ),
    System(
        name="bookworm-static-address",
        tree=trees.BOOKWORM,
        table=TableKind.MBR,
        disks=((Part("/", 900),),),
        keeps="10.0.2.77",
    ),
    System(
        name="bullseye-two-disks",
        tree=trees.BULLSEYE,
        table=TableKind.MBR,
        disks=((Part("/", 800), Part("/var", 400)), (Part("/srv", 200),)),
    ),
    System(
        name="trixie-dracut-xfs-netplan",
        tree=trees.TRIXIE_DRACUT,
        table=TableKind.GPT,
        disks=((BIOS_BOOT, Part("/boot", 300), Part("/", 1000, "xfs")),),
    ),
    System(
        name="trixie-dracut-no-drivers-appended",
        tree=trees.TRIXIE_DRACUT,
        table=TableKind.GPT,
        disks=((BIOS_BOOT, Part("/", 1200)),),
        before=_NO_VIRTIO_DRACUT,
        rebuild=False,
    ),
    System(
        name="trixie-dracut-no-drivers-rebuilt-uefi",
        tree=trees.TRIXIE_DRACUT,
        table=TableKind.GPT,
        disks=((ESP, Part("/", 1200)),),
        firmware="uefi",
        before=_NO_VIRTIO_DRACUT,
    ),
    System(
        name="trixie-unified-no-drivers-rebuilt",
        tree=trees.UNIFIED,
        table=TableKind.GPT,
        disks=((replace(ESP, size=160), Part("/", 1100)),),
        firmware="uefi",
        before=_UNIFIED,
    ),
    System(
        name="sid-systemd-boot",
        tree=trees.SID,
        table=TableKind.GPT,
        disks=((ESP, Part("/", 900)),),
        firmware="uefi",
    ),
    System(
        name="bookworm-extlinux-networkmanager",
        tree=trees.EXTLINUX,
        table=TableKind.MBR,
        disks=((Part("/", 900),),),
    ),
    System(
        name="bookworm-sysvinit",
        tree=trees.SYSVINIT,
        table=TableKind.MBR,
        disks=((Part("/", 900),),),
        signal=LOGIN,
        asks=False,
    ),
    System(
        name="bookworm-grub-legacy-ext3",
        tree=trees.GRUB_LEGACY,
        table=TableKind.MBR,
        disks=((Part("/boot", 150, "ext3"), Part("/", 800)),),
    ),
)


def order_of(system: System) -> AdaptOrder:
    """What the agent is told: the disks of the row, everything else to be found out."""
    disks = tuple(_disk(system, index, parts) for index, parts in enumerate(system.disks))
    volumes = tuple(
        volume
        for disk in disks
        for p in disk.partitions
        for area in p.areas
        if area.content is Content.FILES
        for volume in _volumes(disk, p, area)
    )
    return AdaptOrder(
        os_id="",
        os_like=(),
        architecture="x86_64",
        firmware=system.firmware,
        disks=disks,
        volumes=volumes,
        serials={disk.index: f"d-disk{disk.index}" for disk in disks},
        beacon=TOKEN,
        rebuild_initramfs=system.rebuild,
        addressing=Addressing.STATIC if system.keeps else Addressing.DHCP,
    )


def _volumes(disk: TargetDisk, partition: TargetPartition, area: Area) -> Iterator[Volume]:
    logical = area.name if isinstance(area, TargetLogical) else ""
    base = Volume(
        id=f"disk{disk.index}p{partition.number}{logical}",
        disk=disk.index,
        partition=partition.number,
        logical=logical,
        mount_point=area.mount_point,
        file_system=area.file_system,
        trees=(),
    )
    if not area.subvolumes:
        yield base
        return
    for path, place in (("@", "/"), ("@home", "/home")):
        yield replace(base, id=f"{base.id}-{path}", subvolume=path, mount_point=place)


def _disk(system: System, index: int, parts: tuple[Part, ...]) -> TargetDisk:
    start, made = MIB, []
    for number, part in enumerate(parts, 1):
        vfat = part.file_system == "vfat"
        partition = TargetPartition(
            number=number,
            start=start,
            size=part.size * MIB,
            type=_TYPES[system.table, part.content],
            content=part.content,
            file_system=part.file_system,
            fs_uuid="B007-00E5" if vfat else _uuid(part),
            subvolumes=_subvolumes(system, part),
            bootable=system.table is TableKind.MBR and part.mount_point == "/",
            mount_point=part.mount_point,
            physical=_physical(part, start) if part.volumes else None,
        )
        made.append(partition)
        start += partition.size
    size = -(-(start + 2 * MIB) // (1 << 30))
    disk = TargetDisk(index=index, size_gib=size, table=system.table, partitions=tuple(made))
    return replace(disk, table_id=f"0x5a0b000{index}") if system.table is TableKind.MBR else disk


def _uuid(part: Part) -> str:
    return uuid_of(part.mount_point or part.content.value) if part.file_system else ""


def _subvolumes(system: System, part: Part) -> tuple[TargetSubvolume, ...]:
    if part.file_system != "btrfs":
        return ()
    return (
        TargetSubvolume(path="@", default=system.default_subvolume),
        TargetSubvolume(path="@home"),
    )


def _physical(part: Part, start: int) -> TargetPhysical:
    made, cursor = [], start + MIB
    for volume in part.volumes:
        logical = TargetLogical(
            name=volume.name,
            uuid=derived_id(volume.name),
            start=cursor,
            size=volume.size * MIB,
            content=volume.content,
            file_system=volume.file_system,
            fs_uuid=_uuid(volume),
            mount_point=volume.mount_point,
        )
        made.append(logical)
        cursor += logical.size
    return TargetPhysical(
        group="vg-0",
        group_uuid=derived_id("vg-0"),
        uuid=derived_id("pv"),
        extent_size=4 * MIB,
        volumes=tuple(made),
    )
