# SPDX-License-Identifier: Apache-2.0
"""The planner on stacked storage: LVM kept or flattened, arrays, containers, subvolumes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from builders import (
    GIB,
    MIB,
    a_file_system,
    a_logical,
    a_machine,
    a_system_disk,
    an_lvm_machine,
    lvm_id_of,
    some_settings,
)

from hostlift.errors import CheckBlocked, ConfigError
from hostlift.model.machine import (
    Disk,
    FileSystem,
    LogicalVolume,
    Machine,
    PhysicalVolume,
    Stacked,
    StackKind,
    Subvolume,
    VolumeGroup,
)
from hostlift.model.plan import Content, MigrationPlan, TargetLogical, TargetSubvolume
from hostlift.plan.make import make
from hostlift.plan.show import as_json, lines

DATA = {"data_disk_index": 1, "data_disk_size": -1, "src_path": "/data"}


def plan_for(machine: Machine, excludes: Any = None, **wishes: Any) -> MigrationPlan:
    return make(machine, some_settings(**{"data_disks": [], **wishes}), excludes or {})


def volumes_of(plan: MigrationPlan, disk: int = 0) -> dict[str, TargetLogical]:
    found = [p.physical for p in plan.disks[disk].partitions if p.physical]
    return {v.name: v for physical in found for v in physical.volumes}


def test_a_group_is_kept_with_its_names_and_identities() -> None:
    """Same partition, group, volumes and UUIDs; swap is made anew; each volume has its place."""
    plan = plan_for(an_lvm_machine())
    boot, partition = plan.disks[0].partitions
    assert (boot.content, partition.content) == (Content.FILES, Content.LVM)
    assert (partition.number, partition.start, partition.type) == (2, GIB + MIB, "8e")
    physical = partition.physical
    assert physical is not None
    assert (physical.group, physical.group_uuid) == ("rhel", lvm_id_of("group"))
    assert (physical.uuid, physical.extent_size) == (lvm_id_of("pv"), 4 * MIB)
    assert [(v.name, v.uuid, v.content) for v in physical.volumes] == [
        ("swap", lvm_id_of("swap"), Content.SWAP),
        ("home", lvm_id_of("home"), Content.FILES),
        ("root", lvm_id_of("root"), Content.FILES),
    ]
    assert physical.volumes[0].start == partition.start + MIB
    assert (physical.volumes[0].fs_uuid, physical.volumes[2].mount_point) == ("swap-uuid", "/")
    assert [(v.id, v.logical, v.mount_point) for v in plan.volumes] == [
        ("disk0p2-root", "root", "/"),
        ("disk0p1", "", "/boot"),
        ("disk0p2-home", "home", "/home"),
    ]
    text = "\n".join(lines(plan))
    assert "lvm group rhel" in text
    assert "xfs on /home, logical volume home" in text
    assert as_json(plan)


def test_what_the_group_had_free_stays_free_and_the_root_takes_the_rest() -> None:
    """On the same size nothing changes; 40 GiB more go to the root."""
    same, larger = (volumes_of(plan_for(an_lvm_machine(), system_disk_size=n)) for n in (60, 100))
    assert {n: v.size for n, v in same.items()} == {
        "swap": 2 * GIB, "home": 16 * GIB, "root": 40 * GIB
    }  # fmt: skip
    assert larger["root"].size == 80 * GIB
    assert larger["home"].size == 16 * GIB


def test_a_smaller_disk_shrinks_the_root_then_the_others() -> None:
    """Never below what is used, with room to breathe."""
    made = volumes_of(plan_for(an_lvm_machine(), system_disk_size=40))
    assert 20 * GIB < made["root"].size < 22 * GIB
    assert made["home"].size == 16 * GIB
    made = volumes_of(plan_for(an_lvm_machine(), system_disk_size=20))
    assert made["root"].size < 6 * GIB
    assert 5.5 * GIB <= made["home"].size < 12 * GIB
    full = replace(an_lvm_machine().file_systems[2], used=14 * GIB)
    machine = an_lvm_machine(file_systems=(*an_lvm_machine().file_systems[:2], full))
    with pytest.raises(ConfigError, match="too small") as caught:
        plan_for(machine, system_disk_size=20)
    least = int(caught.value.hint.split()[3])
    assert plan_for(machine, system_disk_size=least)


def test_volumes_that_nothing_uses_are_named() -> None:
    """Snapshots, thin pools and unmounted file systems are left out aloud; others become linear."""
    machine = an_lvm_machine()
    group = machine.groups[0]
    more = (
        replace(group.logical[2], kind="raid1"),
        a_logical("backup", GIB, holds="ext4"),
        a_logical("pool", GIB, kind="thin-pool"),
    )
    plan = plan_for(replace(machine, groups=(replace(group, logical=(*group.logical[:2], *more)),)))
    told = "\n".join(plan.warnings)
    assert "/dev/mapper/rhel-root (raid1) becomes a linear volume" in told
    assert "/dev/mapper/rhel-backup (linear, ext4) is left out" in told
    assert "/dev/mapper/rhel-pool (thin-pool) is left out" in told
    assert set(volumes_of(plan)) == {"swap", "home", "root"}


def test_a_group_over_two_disks_gets_one_physical_volume() -> None:
    """It was extended to a second disk; the system disk holds all of it."""
    machine = an_lvm_machine()
    group = machine.groups[0]
    second = PhysicalVolume(device="/dev/sdb", uuid=lvm_id_of("pv2"), size=100 * GIB)
    root = replace(group.logical[2], size=120 * GIB)
    wide = replace(group, physical=(*group.physical, second), logical=(*group.logical[:2], root))
    machine = replace(
        machine,
        disks=(*machine.disks, Disk(device="/dev/sdb", size=100 * GIB)),
        groups=(wide,),
    )
    plan = plan_for(machine)
    assert len(plan.disks) == 1
    assert plan.disks[0].size_gib > 138
    assert volumes_of(plan)["root"].size >= 120 * GIB
    assert len(plan.volumes) == 3


def a_second_group(*names: str) -> Machine:
    """A group of its own on the whole of /dev/sdb, its volumes mounted at /NAME."""
    machine = an_lvm_machine()
    logical = tuple(
        LogicalVolume(name=n, uuid=lvm_id_of(n), size=20 * GIB, device=f"/dev/mapper/vg-{n}")
        for n in names
    )
    group = VolumeGroup(
        name="vg",
        uuid=lvm_id_of("vg"),
        extent_size=4 * MIB,
        physical=(PhysicalVolume(device="/dev/sdb", uuid=lvm_id_of("b"), size=50 * GIB),),
        logical=logical,
    )
    return replace(
        machine,
        disks=(*machine.disks, Disk(device="/dev/sdb", size=50 * GIB)),
        groups=(*machine.groups, group),
        file_systems=(
            *machine.file_systems,
            *(a_file_system(f"/{v.name}", v.device) for v in logical),
        ),
    )


def test_a_group_that_is_listed_moves_to_that_disk_as_a_whole() -> None:
    """One of its volumes is named; the other goes along."""
    plan = plan_for(a_second_group("data", "more"), data_disks=[DATA])
    disk = plan.disks[1]
    (partition,) = disk.partitions
    assert partition.content is Content.LVM
    assert set(volumes_of(plan, 1)) == {"data", "more"}
    assert disk.size_gib == 41
    assert [v.id for v in plan.volumes if v.disk == 1] == ["disk1p1-data", "disk1p1-more"]


def test_a_data_disk_that_does_not_hold_its_group_is_too_small() -> None:
    """All of the group counts, not only the volume that is listed."""
    machine = a_second_group("data", "more")
    full = tuple(
        replace(fs, used=15 * GIB) if fs.device.startswith("/dev/mapper/vg-") else fs
        for fs in machine.file_systems
    )
    with pytest.raises(ConfigError, match="too small") as caught:
        plan_for(replace(machine, file_systems=full), data_disks=[{**DATA, "data_disk_size": 20}])
    assert caught.value.subject == "data_disks[0].data_disk_size"


def test_a_group_on_another_disk_is_not_flattened_without_asking() -> None:
    """The choices are named; with the wish it becomes a directory, as plain file systems do."""
    machine = a_second_group("data")
    with pytest.raises(CheckBlocked) as caught:
        plan_for(machine)
    assert "data_disks" in caught.value.hint
    assert "flatten_lvm" in caught.value.hint
    plan = plan_for(machine, flatten_lvm=True)
    assert any("/data" in w and "becomes a directory of /" in w for w in plan.warnings)


def test_volumes_of_one_group_on_two_disks_say_that_they_need_each_other() -> None:
    """/home listed: its disk is a physical volume of the same group."""
    plan = plan_for(an_lvm_machine(), data_disks=[{**DATA, "src_path": "/home"}])
    assert set(volumes_of(plan)) == {"swap", "root"}
    assert set(volumes_of(plan, 1)) == {"home"}
    first, second = (d.partitions[-1].physical for d in plan.disks)
    assert first is not None
    assert second is not None
    assert first.group_uuid == second.group_uuid
    assert first.uuid != second.uuid
    assert any("lies on 2 disks" in w for w in plan.warnings)


def test_a_flattened_group_becomes_plain_partitions_the_root_last() -> None:
    """Same file system identities, each with a partition; LVM is gone."""
    plan = plan_for(an_lvm_machine(), flatten_lvm=True, system_disk_size=80)
    made = sorted(plan.disks[0].partitions, key=lambda p: p.start)
    assert [(p.number, p.mount_point, p.file_system, p.type) for p in made] == [
        (1, "/boot", "ext4", "83"),
        (2, "", "swap", "82"),
        (3, "/home", "xfs", "83"),
        (4, "/", "xfs", "83"),
    ]
    assert all(a.start + a.size <= b.start for a, b in pairwise(made))
    assert made[3].start + made[3].size == 80 * GIB
    assert made[2].size == 16 * GIB
    assert [v.id for v in plan.volumes] == ["disk0p4", "disk0p1", "disk0p3"]
    assert any("rhel-root becomes a plain partition" in w for w in plan.warnings)


def test_a_listed_volume_is_a_plain_disk_when_lvm_is_flattened() -> None:
    """No group, a partition with the same file system."""
    plan = plan_for(an_lvm_machine(), flatten_lvm=True, data_disks=[{**DATA, "src_path": "/home"}])
    (part,) = plan.disks[1].partitions
    assert (part.content, part.file_system, part.mount_point) == (Content.FILES, "xfs", "/home")
    assert part.size >= 16 * GIB


def an_array(level: str = "raid1") -> Machine:
    """The root on md over a partition of each of two disks."""
    disk = a_system_disk()
    other = replace(
        disk,
        device="/dev/sdb",
        partitions=tuple(
            replace(p, device=p.device.replace("sda", "sdb")) for p in disk.partitions
        ),
    )
    members = ("/dev/sda4", "/dev/sdb4")
    size = disk.partitions[3].size * (2 if level == "raid0" else 1) - 8 * MIB
    array = Stacked(
        device="/dev/md0", kind=StackKind.ARRAY, size=size, beneath=members, level=level
    )
    return a_machine(
        disks=(disk, other),
        file_systems=(
            a_file_system("/", "/dev/md0", size=size),
            a_file_system("/boot", "/dev/sda2", size=512 * MIB, used=80 * MIB),
        ),
        stacked=(array,),
    )


def test_an_array_becomes_the_partition_of_its_first_member() -> None:
    """One disk; the type no longer says RAID; the second copy is not made."""
    plan = plan_for(an_array())
    assert len(plan.disks) == 1
    root = plan.disks[0].partitions[3]
    assert (root.number, root.mount_point, root.content) == (4, "/", Content.FILES)
    assert any("/dev/md0 (raid1) becomes a plain partition" in w for w in plan.warnings)


def test_a_striped_array_gets_a_disk_that_holds_all_of_it() -> None:
    """Its file system is as large as both members."""
    plan = plan_for(an_array("raid0"))
    assert plan.disks[0].size_gib > 36
    assert plan.disks[0].partitions[3].size > 36 * GIB


def an_encrypted_machine() -> Machine:
    """LVM on LUKS, as installers make it, with a plain /boot."""
    machine = an_lvm_machine()
    luks = Stacked(
        device="/dev/mapper/sda2_crypt",
        kind=StackKind.LUKS,
        size=59 * GIB - 17 * MIB,
        beneath=("/dev/sda2",),
    )
    group = machine.groups[0]
    physical = replace(group.physical[0], device=luks.device, size=luks.size)
    stacked = tuple(replace(s, beneath=(luks.device,)) for s in machine.stacked)
    return replace(
        machine, stacked=(*stacked, luks), groups=(replace(group, physical=(physical,)),)
    )


def test_nothing_is_stored_unencrypted_without_a_word_of_the_user() -> None:
    """A blocker with the remedy; with the wish, LVM directly on the partition, and told."""
    with pytest.raises(CheckBlocked) as caught:
        plan_for(an_encrypted_machine())
    assert 'luks to "plain"' in caught.value.hint
    plan = plan_for(an_encrypted_machine(), luks="plain")
    assert set(volumes_of(plan)) == {"swap", "home", "root"}
    assert any("stored unencrypted" in w for w in plan.warnings)


def test_an_encrypted_swap_area_is_left_out_by_default() -> None:
    """The rest of the machine is plain."""
    machine = a_machine()
    swap = Stacked(
        device="/dev/mapper/cryptswap", kind=StackKind.LUKS, size=GIB, beneath=("/dev/sda3",)
    )
    area = FileSystem(device=swap.device, kind="swap", size=GIB)
    plan = plan_for(replace(machine, stacked=(swap,), swaps=(area,)))
    assert Content.SWAP not in [p.content for p in plan.disks[0].partitions]
    assert any("/dev/mapper/cryptswap is left out" in w for w in plan.warnings)


SUBVOLUMES = (
    Subvolume(id=256, path="@"),
    Subvolume(id=257, path="@/.snapshots"),
    Subvolume(id=258, path="@/.snapshots/1/snapshot", default=True, snapshot=True),
    Subvolume(id=259, path="@/home"),
    Subvolume(id=260, path="@/home/vm images"),
    Subvolume(id=261, path="@/.snapshots/2/snapshot", read_only=True, snapshot=True),
    Subvolume(id=262, path="attic"),
)


def a_btrfs(*mounts: tuple[str, str]) -> Machine:
    """SUSE's layout on one partition: the root is a snapshot, and the default."""
    systems = tuple(
        a_file_system(
            place, "/dev/sda4", kind="btrfs", uuid="b", subvolume=f"/{path}", subvolumes=SUBVOLUMES
        )
        for place, path in mounts
    )
    return a_machine(file_systems=systems, disks=(a_system_disk(),))


def test_subvolumes_are_made_again_with_the_default_one() -> None:
    """A volume for each that is mounted; snapshots and what cannot be reached are named."""
    machine = a_btrfs(
        ("/", "@/.snapshots/1/snapshot"), ("/.snapshots", "@/.snapshots"), ("/home", "@/home")
    )
    plan = plan_for(machine)
    root = plan.disks[0].partitions[-1]
    assert root.subvolumes == (
        TargetSubvolume(path="@"),
        TargetSubvolume(path="@/.snapshots"),
        TargetSubvolume(path="@/home"),
        TargetSubvolume(path="@/home/vm images"),
        TargetSubvolume(path="@/.snapshots/1/snapshot", default=True),
    )
    assert {(v.mount_point, v.subvolume, v.excludes) for v in plan.volumes} == {
        ("/", "@/.snapshots/1/snapshot", ()),
        ("/.snapshots", "@/.snapshots", ("/1/snapshot/*", "/2/snapshot/*")),
        ("/home", "@/home", ()),
    }
    assert {v.partition for v in plan.volumes} == {4}
    assert len({v.id for v in plan.volumes}) == 3
    assert all("/" not in v.id and " " not in v.id for v in plan.volumes)
    told = "\n".join(plan.warnings)
    assert "@/.snapshots/2/snapshot of / is left out: it is a snapshot" in told
    assert "attic of / is left out: it is not mounted" in told
    assert plan.forecast.bytes == 5 * GIB


def test_a_top_that_is_mounted_shows_all_its_subvolumes() -> None:
    """One volume; what lies in it is made as subvolumes again, snapshots left out."""
    plan = plan_for(a_btrfs(("/", "")))
    (volume,) = plan.volumes
    assert (volume.mount_point, volume.subvolume) == ("/", "")
    assert volume.excludes == ("/@/.snapshots/1/snapshot/*", "/@/.snapshots/2/snapshot/*")
    made = {s.path for s in plan.disks[0].partitions[-1].subvolumes}
    assert made == {"@", "@/.snapshots", "@/home", "@/home/vm images", "attic"}


def test_a_subvolume_cannot_become_a_disk_of_its_own() -> None:
    """Its file system would be there twice, with one identity."""
    machine = a_btrfs(("/", "@"), ("/data", "@/home"))
    with pytest.raises(CheckBlocked, match="subvolume of the btrfs of /") as caught:
        plan_for(machine, data_disks=[DATA])
    assert caught.value.subject == "data_disks[0].src_path"
