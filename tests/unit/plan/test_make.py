# SPDX-License-Identifier: Apache-2.0
"""The planner on machines as they are met."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import (
    ESP_TYPE,
    GIB,
    MIB,
    a_data_disk,
    a_file_system,
    a_machine,
    a_partition,
    a_plan,
    a_system_disk,
    some_settings,
)

from hostlift.errors import CheckBlocked, ConfigError
from hostlift.model.machine import (
    Disk,
    FileSystem,
    Firmware,
    Machine,
    Partition,
    TableKind,
    Workload,
)
from hostlift.model.plan import Content, MigrationPlan, SourceTree, TargetDisk, TargetPartition
from hostlift.plan.make import make
from hostlift.plan.show import as_json, lines

NONE: dict[int, tuple[str, ...]] = {}


def plan_for(machine: Machine, excludes: Any = NONE, **wishes: Any) -> MigrationPlan:
    return make(machine, some_settings(**wishes), excludes)


def by_number(disk: TargetDisk) -> dict[int, TargetPartition]:
    return {p.number: p for p in disk.partitions}


def test_the_system_disk_is_mirrored_where_it_was() -> None:
    """Same table, numbers, places, types and identities; the root takes what is left."""
    disk = a_plan().disks[0]
    source = a_system_disk()
    assert (disk.table, disk.table_id, disk.size_gib) == (TableKind.GPT, source.table_id, 20)
    for old, new in zip(source.partitions, disk.partitions, strict=True):
        assert (new.number, new.start, new.type, new.uuid) == (
            old.number,
            old.start,
            old.type,
            old.uuid,
        )
    contents = [p.content for p in disk.partitions]
    assert contents == [Content.BIOS_BOOT, Content.FILES, Content.SWAP, Content.FILES]
    root = disk.partitions[3]
    assert root.start + root.size == 20 * GIB - MIB
    assert (root.file_system, root.mount_point, root.fs_inode_size) == ("ext4", "/", 256)
    assert disk.partitions[2].fs_uuid == "22222222-0000-4000-8000-000000000003"


def test_volumes_name_what_fills_them() -> None:
    """One volume for each partition with files; the root comes first."""
    plan = a_plan()
    assert [(v.id, v.mount_point) for v in plan.volumes] == [
        ("disk0p4", "/"),
        ("disk0p2", "/boot"),
        ("disk1p1", "/data"),
    ]
    assert plan.volumes[0].trees == (SourceTree(path="/"),)
    assert plan.volumes[0].excludes == ("/proc/*", "/mnt/*")


def test_a_larger_disk_grows_the_root_only() -> None:
    """What stands before the root stays where it was."""
    disk = plan_for(a_machine(), system_disk_size=100).disks[0]
    parts = by_number(disk)
    assert parts[4].start + parts[4].size == 100 * GIB - MIB
    assert parts[3].size == GIB
    assert parts[4].fs_inodes > 4 * 655_360


def test_a_smaller_disk_shrinks_the_root() -> None:
    """60 GiB of disk with 5 GiB used fits into 20."""
    source = a_system_disk()
    big = replace(source.partitions[3], size=60 * GIB - 1539 * MIB)
    machine = a_machine(
        disks=(
            replace(source, size=60 * GIB, partitions=(*source.partitions[:3], big)),
            a_data_disk(),
        )
    )
    disk = plan_for(machine, system_disk_size=20).disks[0]
    root = by_number(disk)[4]
    assert root.start + root.size == 20 * GIB - MIB


def test_a_disk_that_is_too_small_names_key_use_and_need() -> None:
    """The user learns the number that works, and it does."""
    fs = (a_file_system("/", "/dev/sda4", size=58 * GIB, used=40 * GIB),)
    source = a_system_disk()
    big = replace(source.partitions[3], size=60 * GIB - 1539 * MIB)
    disks = (replace(source, size=60 * GIB, partitions=(*source.partitions[:3], big)),)
    machine = a_machine(disks=disks, file_systems=fs)
    with pytest.raises(ConfigError) as caught:
        plan_for(machine, system_disk_size=30, data_disks=[])
    error = caught.value
    assert error.subject == "system_disk_size"
    assert "40.0 GiB are in use" in error.message
    least = int(error.hint.split()[3])
    assert f"at least {least} GiB" in error.message
    assert plan_for(machine, system_disk_size=least, data_disks=[]).disks[0].size_gib == least
    with pytest.raises(ConfigError):
        plan_for(machine, system_disk_size=least - 1, data_disks=[])


def test_a_data_disk_keeps_table_identity_and_file_system() -> None:
    """The mirrored disk is as large as its source."""
    disk = a_plan().disks[1]
    part = disk.partitions[0]
    assert (disk.index, disk.size_gib, disk.table, disk.table_id) == (
        1,
        30,
        TableKind.MBR,
        "0x12345678",
    )
    assert (part.number, part.start, part.size) == (1, MIB, 30 * GIB - MIB)
    assert (part.fs_label, part.file_system, part.mount_point) == ("data", "ext4", "/data")


def test_a_data_disk_without_table_stays_without() -> None:
    """A file system on the whole disk is made on the whole disk."""
    disk = Disk(device="/dev/sdb", size=30 * GIB)
    fs = (*a_machine().file_systems[:2], a_file_system("/data", "/dev/sdb"))
    made = plan_for(a_machine(disks=(a_system_disk(), disk), file_systems=fs)).disks[1]
    assert made.table is None
    assert [(p.number, p.start, p.size) for p in made.partitions] == [(0, 0, 30 * GIB)]


def test_a_data_disk_that_is_too_small_names_its_key() -> None:
    """The key path leads to the element."""
    fs = (*a_machine().file_systems[:2], a_file_system("/data", "/dev/sdb1", used=25 * GIB))
    disks = [{"data_disk_index": 1, "data_disk_size": 20, "src_path": "/data"}]
    with pytest.raises(ConfigError) as caught:
        plan_for(a_machine(file_systems=fs), data_disks=disks)
    assert caught.value.subject == "data_disks[0].data_disk_size"
    assert "25.0 GiB are in use" in caught.value.message


def test_a_plain_directory_becomes_a_disk() -> None:
    """New file system, same in every plan; the parent keeps the empty mount point only."""
    disks = [{"data_disk_index": 2, "data_disk_size": 50, "src_path": "/srv/app"}]
    first, second = (plan_for(a_machine(), data_disks=disks) for _ in range(2))
    assert first == second
    made = first.disks[1]
    assert (made.index, made.size_gib, made.table) == (2, 50, TableKind.GPT)
    part = made.partitions[0]
    assert (part.file_system, part.mount_point) == ("ext4", "/srv/app")
    assert part.fs_uuid
    assert part.fs_uuid not in {fs.uuid for fs in a_machine().file_systems}
    volumes = {v.mount_point: v for v in first.volumes}
    assert volumes["/"].excludes[0] == "/srv/app/*"
    assert volumes["/srv/app"].trees == (SourceTree(path="/srv/app"),)
    assert any("/srv/app becomes a disk of its own" in w for w in first.warnings)


def test_nested_data_disks_leave_the_child_out_of_the_parent() -> None:
    """A directory below a data disk's directory goes to its own disk only."""
    disks = [
        {"data_disk_index": 1, "data_disk_size": 40, "src_path": "/srv"},
        {"data_disk_index": 2, "data_disk_size": 40, "src_path": "/srv/db"},
    ]
    volumes = {v.mount_point: v for v in plan_for(a_machine(), data_disks=disks).volumes}
    assert volumes["/srv"].excludes == ("/db/*",)
    assert volumes["/"].excludes == ("/srv/*", "/srv/db/*")
    assert volumes["/srv/db"].excludes == ()


def test_unlisted_file_systems_are_merged_as_the_original_did() -> None:
    """They become directories of the volume above them, and the user is told."""
    plan = plan_for(a_machine(), data_disks=[])
    assert plan.volumes[0].trees == (SourceTree(path="/"), SourceTree(path="/data", prefix="/data"))
    assert len(plan.disks) == 1
    assert any("/data (/dev/sdb1) becomes a directory of /" in w for w in plan.warnings)


def test_a_merged_file_system_makes_room() -> None:
    """The system disk grows until all of it fits."""
    fs = (*a_machine().file_systems[:2], a_file_system("/data", "/dev/sdb1", used=25 * GIB))
    disk = plan_for(a_machine(file_systems=fs), data_disks=[]).disks[0]
    assert by_number(disk)[4].size > 30 * GIB
    assert disk.size_gib > 30


def test_an_excluded_file_system_is_left_out_aloud() -> None:
    """/mnt/* is a default exclude; what is lost by it is named."""
    fs = (*a_machine().file_systems[:2], a_file_system("/mnt/big", "/dev/sdb1"))
    plan = plan_for(a_machine(file_systems=fs), {0: ("/mnt/*",)}, data_disks=[])
    assert plan.volumes[0].trees == (SourceTree(path="/"),)
    assert any("/mnt/big" in w and "/mnt/*" in w for w in plan.warnings)


def test_excludes_are_seen_from_each_volume() -> None:
    """The file is anchored at the disk's root; /boot has its part of it."""
    patterns = ("/boot/old/*", "/home/x", "*.bak", "/*/cache/")
    volumes = {v.mount_point: v for v in plan_for(a_machine(), {0: patterns, 1: ("/a/",)}).volumes}
    assert volumes["/"].excludes == patterns
    assert volumes["/boot"].excludes == ("/old/*", "*.bak", "/cache/")
    assert volumes["/data"].excludes == ("/a/",)


def test_private_paths_stay_home_wherever_they_lie() -> None:
    """Our own state is excluded from the volume that holds it, before any include."""
    private = ("/data/lift/keys", "/data/lift/user_config.json")
    plan = make(a_machine(), some_settings(), {0: (), 1: ("+ /lift/**",)}, private)
    volumes = {v.mount_point: v for v in plan.volumes}
    assert volumes["/data"].excludes == ("/lift/keys", "/lift/user_config.json", "+ /lift/**")


def test_swap_files_are_left_out() -> None:
    """Their content is of this boot only."""
    machine = a_machine(swaps=(FileSystem(device="/swapfile", kind="swap", size=GIB),))
    plan = plan_for(machine)
    assert "/swapfile" in plan.volumes[0].excludes
    assert any("/swapfile" in w for w in plan.warnings)


def mbr_machine() -> Machine:
    """Debian's installer default: root first, swap in an extended partition at the end."""

    def part(number: int, start: int, size: int, kind: str) -> Partition:
        device = f"/dev/sda{number}"
        return Partition(
            number=number, start=start, size=size, type=kind, bootable=number == 1, device=device
        )

    disk = Disk(
        device="/dev/sda",
        size=20 * GIB,
        table=TableKind.MBR,
        table_id="0xdeadbeef",
        partitions=(
            part(1, MIB, 19 * GIB, "83"),
            part(2, 19 * GIB + 2 * MIB - 1024, GIB - 3 * MIB + 1024, "5"),
            part(5, 19 * GIB + 2 * MIB, GIB - 3 * MIB, "82"),
        ),
    )
    return a_machine(
        disks=(disk,),
        file_systems=(a_file_system("/", "/dev/sda1", size=18 * GIB),),
        swaps=(FileSystem(device="/dev/sda5", kind="swap", uuid="s", size=GIB - 3 * MIB),),
    )


def test_an_mbr_with_logical_partitions_is_mirrored() -> None:
    """Extended and logical partitions stay where they were."""
    disk = plan_for(mbr_machine(), data_disks=[]).disks[0]
    assert (disk.table, disk.table_id) == (TableKind.MBR, "0xdeadbeef")
    parts = by_number(disk)
    assert parts[1].bootable
    assert (parts[2].content, parts[2].type) == (Content.EMPTY, "5")
    assert (parts[5].content, parts[5].start) == (Content.SWAP, 19 * GIB + 2 * MIB)


def test_a_root_that_is_not_last_does_not_grow_and_says_so() -> None:
    """What is free is told in GiB."""
    plan = plan_for(mbr_machine(), data_disks=[], system_disk_size=40)
    assert by_number(plan.disks[0])[1].size == 19 * GIB
    assert any("20 GiB at the end of the system disk stay free" in w for w in plan.warnings)


def test_shrinking_moves_the_extended_partition_with_its_children() -> None:
    """Logical partitions lie inside the extended one, each behind its record."""
    machine = mbr_machine()
    disk = machine.disks[0]
    first = replace(disk.partitions[0], size=30 * GIB)
    moved = [replace(p, start=p.start + 11 * GIB) for p in disk.partitions[1:]]
    bigger = replace(disk, size=31 * GIB, partitions=(first, *moved))
    made = plan_for(replace(machine, disks=(bigger,)), data_disks=[], system_disk_size=20)
    parts = by_number(made.disks[0])
    assert parts[1].size < 20 * GIB
    assert parts[2].start >= parts[1].start + parts[1].size
    assert parts[5].start >= parts[2].start + MIB
    assert parts[5].start + parts[5].size <= parts[2].start + parts[2].size <= 20 * GIB


def test_a_root_on_the_whole_disk_gets_an_mbr() -> None:
    """There is room for a BIOS boot loader, and one bootable partition."""
    disk = Disk(device="/dev/xvda", size=20 * GIB)
    fs = (a_file_system("/", "/dev/xvda"),)
    plan = plan_for(a_machine(disks=(disk,), file_systems=fs, swaps=()), data_disks=[])
    made = plan.disks[0]
    root = made.partitions[0]
    assert made.table is TableKind.MBR
    assert len(made.table_id) == 10
    assert (root.number, root.start, root.bootable, root.type) == (1, MIB, True, "83")
    assert root.fs_uuid == fs[0].uuid
    assert plan.volumes[0].id == "disk0p1"


def test_a_uefi_source_keeps_its_esp_and_copies_it() -> None:
    """The ESP is a volume of its own, made as vfat."""
    disk = replace(
        a_system_disk(),
        partitions=(
            a_partition(1, MIB, 512 * MIB, type=ESP_TYPE),
            a_partition(2, 513 * MIB, 19 * GIB),
        ),
    )
    fs = (
        a_file_system("/", "/dev/sda2", size=18 * GIB),
        a_file_system("/boot/efi", "/dev/sda1", kind="vfat", size=511 * MIB, used=6 * MIB),
    )
    machine = a_machine(disks=(disk,), file_systems=fs, swaps=(), firmware=Firmware.UEFI)
    plan = plan_for(machine, data_disks=[])
    esp = plan.disks[0].partitions[0]
    assert (esp.content, esp.file_system, esp.mount_point) == (Content.ESP, "vfat", "/boot/efi")
    assert [v.id for v in plan.volumes] == ["disk0p2", "disk0p1"]
    with pytest.raises(CheckBlocked, match="not mounted"):
        plan_for(replace(machine, file_systems=fs[:1]), data_disks=[])


def test_lvm_is_refused_with_choices() -> None:
    """Nothing is flattened without asking; what can be done is said."""
    fs = (a_file_system("/", "/dev/mapper/vg-root"),)
    with pytest.raises(CheckBlocked) as caught:
        plan_for(a_machine(file_systems=fs), data_disks=[])
    assert "/dev/mapper/vg-root" in caught.value.message
    more = (*a_machine().file_systems[:2], a_file_system("/data", "/dev/mapper/vg-data"))
    with pytest.raises(CheckBlocked) as caught:
        plan_for(a_machine(file_systems=more), data_disks=[])
    assert "data_disks" in caught.value.hint


def test_lvm_that_is_listed_becomes_a_plain_disk() -> None:
    """Listing it is the answer to the question."""
    fs = (*a_machine().file_systems[:2], a_file_system("/data", "/dev/mapper/vg-data"))
    disk = plan_for(a_machine(file_systems=fs)).disks[1]
    assert disk.table is TableKind.GPT
    assert disk.partitions[0].fs_uuid == fs[2].uuid


def test_a_file_system_nobody_can_make_is_refused() -> None:
    """Silence would end in an empty volume."""
    fs = (a_file_system("/", "/dev/sda4", kind="reiserfs"),)
    with pytest.raises(CheckBlocked, match="reiserfs"):
        plan_for(a_machine(file_systems=fs), data_disks=[])


def test_a_machine_without_local_root_is_refused() -> None:
    """A container has no disk to mirror."""
    with pytest.raises(CheckBlocked, match="not on a local disk"):
        plan_for(a_machine(file_systems=()), data_disks=[])


def test_an_unmounted_partition_is_left_out_aloud() -> None:
    """Numbers of the others stay."""
    fs = (a_file_system("/", "/dev/sda4", size=18 * GIB),)
    plan = plan_for(a_machine(file_systems=fs), data_disks=[])
    assert [p.number for p in plan.disks[0].partitions] == [1, 3, 4]
    assert any("/dev/sda2 is left out" in w for w in plan.warnings)


@pytest.mark.parametrize(
    ("os_id", "word"),
    [
        ("debian", "Debian"),
        ("rhel", "RedHat"),
        ("opensuse-leap", "OpenSUSE"),
        ("rocky", "Others Linux"),
    ],
)
def test_the_platform_is_alibabas_word(os_id: str, word: str) -> None:
    """Derivatives are not claimed to be their parents."""
    assert plan_for(a_machine(os_id=os_id)).platform == word


def test_the_users_platform_wins() -> None:
    """As it is given."""
    assert plan_for(a_machine(), platform="Others Linux").platform == "Others Linux"


def test_an_architecture_the_cloud_lacks_is_refused() -> None:
    """There is nothing to start."""
    with pytest.raises(CheckBlocked, match="ppc64le"):
        plan_for(a_machine(architecture="ppc64le"))


def test_hooks_are_those_of_running_services() -> None:
    """A database that is stopped needs no hook; a list of the user's wins."""
    work = (
        Workload(kind="postgresql", name="postgresql 15", pids=(10,), hook="postgresql"),
        Workload(kind="mysql", name="mysql", hook="mysql"),
    )
    assert plan_for(a_machine(workloads=work)).workload_hooks == ("postgresql",)
    assert plan_for(a_machine(workloads=work), hooks=["mysql"]).workload_hooks == ("mysql",)


def test_a_limit_makes_the_forecast_longer() -> None:
    """1 MiB/s instead of 100 Mbit/s."""
    free, limited = plan_for(a_machine()), plan_for(a_machine(), bandwidth_limit=1024)
    assert free.forecast.bytes == 10 * GIB + 80 * MIB
    assert limited.forecast.seconds > 8 * free.forecast.seconds


def test_the_plan_can_be_read_and_parsed() -> None:
    """Every partition, size and warning is in the text; the JSON form has plain values."""
    plan = a_plan(warnings=("mind the gap",))
    text = "\n".join(lines(plan))
    for word in ("web01-image", "System disk: 20 GiB, GPT", "ext4 on /data", "mind the gap"):
        assert word in text
    disks = as_json(plan)["disks"]
    assert isinstance(disks, list)
    assert len(disks) == 2


def test_more_disks_than_an_instance_carries_are_refused() -> None:
    """On the intermediate instance the target's system disk is a data disk too."""
    disks = [
        {"data_disk_index": n, "data_disk_size": 20, "src_path": f"/srv/{n}"} for n in range(1, 17)
    ]
    with pytest.raises(ConfigError, match="16 data disks and the system disk are 17") as caught:
        plan_for(a_machine(), data_disks=disks)
    assert caught.value.subject == "data_disks"
    assert "15" in caught.value.hint
    assert len(plan_for(a_machine(), data_disks=disks[:15]).disks) == 16


def test_a_data_disk_that_no_disk_can_hold_is_refused() -> None:
    """33 TiB in use do not fit, whatever is wished."""
    full = a_file_system("/data", "/dev/sdb1", size=40_000 * GIB, used=33_000 * GIB)
    machine = a_machine()
    rest = tuple(fs for fs in machine.file_systems if fs.mount_point != "/data")
    with pytest.raises(ConfigError, match="largest disk"):
        plan_for(replace(machine, file_systems=(*rest, full)))
