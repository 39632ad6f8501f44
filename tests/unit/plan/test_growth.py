# SPDX-License-Identifier: Apache-2.0
"""Which disks can grow while the copy runs, and by how much."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import GIB, MIB, a_plan, an_lvm_machine, some_settings

from hostlift.errors import ConfigError
from hostlift.model.machine import TableKind
from hostlift.model.plan import TargetPhysical
from hostlift.plan.growth import grown, size_for
from hostlift.plan.make import make


def test_a_disk_grows_by_what_its_last_volume_lacks() -> None:
    """With a fifth more, because the source goes on; the other disks stay."""
    plan = a_plan()
    disk, gib = size_for(plan, "disk1p1", 35 * GIB)
    assert (disk, gib) == (1, 47)
    larger = grown(plan, {disk: gib})
    assert larger.disks[0] is plan.disks[0]
    part = larger.disks[1].partitions[0]
    assert part.start + part.size == 47 * GIB
    assert (part.start, part.fs_uuid) == (MIB, plan.disks[1].partitions[0].fs_uuid)
    assert grown(larger, {disk: gib}) == larger
    assert grown(plan, {}) == plan


def test_a_full_volume_grows_at_least_a_little() -> None:
    """It may be inodes or fragments that ran out, not bytes."""
    assert size_for(a_plan(), "disk0p4", GIB) == (0, 21)


def test_what_does_not_end_its_disk_is_refused_with_the_way_out() -> None:
    """As the FAQ says: sizes cannot change once there is an intermediate instance."""
    with pytest.raises(ConfigError, match="not the last one") as caught:
        size_for(a_plan(), "disk0p2", GIB)
    assert caught.value.subject == "system_disk_size"
    assert "hostlift data clear" in caught.value.hint
    assert "/boot is full on the target" in str(caught.value)


def test_limits_of_disks_and_tables_hold() -> None:
    """2048 GiB for a system disk; an MBR ends at 2 TiB."""
    with pytest.raises(ConfigError, match="2048"):
        size_for(a_plan(), "disk0p4", 1800 * GIB)
    with pytest.raises(ConfigError, match="MBR"):
        size_for(a_plan(), "disk1p1", 1800 * GIB)


def test_the_last_logical_volume_grows_by_whole_extents() -> None:
    """The root of a RHEL system ends its group."""
    plan = make(an_lvm_machine(), some_settings(data_disks=[]), {})
    larger = grown(plan, {0: 100})
    physical = larger.disks[0].partitions[1].physical
    assert isinstance(physical, TargetPhysical)
    root = physical.volumes[-1]
    assert root.size % physical.extent_size == 0
    end = 100 * GIB
    assert end - physical.extent_size < root.start + root.size <= end
    with pytest.raises(ConfigError, match="not the last one"):
        size_for(plan, "disk0p2-home", 20 * GIB)


def test_an_extended_partition_grows_around_its_last_logical_one() -> None:
    """Both end with the disk."""
    plan = a_plan()
    disk = plan.disks[1]
    only = disk.partitions[0]
    extended = replace(
        only, number=2, start=10 * GIB, size=20 * GIB, type="5", content=type(only.content).EMPTY,
        file_system="", mount_point="",
    )  # fmt: skip
    logical = replace(only, number=5, start=10 * GIB + MIB, size=20 * GIB - MIB)
    first = replace(only, size=10 * GIB - MIB)
    made = replace(disk, table=TableKind.MBR, partitions=(first, extended, logical))
    larger = grown(replace(plan, disks=(plan.disks[0], made)), {1: 40}).disks[1]
    ends = [p.start + p.size for p in larger.partitions]
    assert ends == [10 * GIB, 40 * GIB, 40 * GIB]
