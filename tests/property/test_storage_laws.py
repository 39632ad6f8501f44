# SPDX-License-Identifier: Apache-2.0
"""What holds of every plan of a machine with LVM, kept or flattened."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from builders import GIB, MIB, a_file_system, a_logical, an_lvm_machine, some_settings
from hypothesis import given
from hypothesis import strategies as st

from hostlift.errors import CheckBlocked, ConfigError
from hostlift.model.machine import FileSystem, Machine, Stacked, StackKind
from hostlift.model.plan import Area, Content, MigrationPlan
from hostlift.plan.formatting import room_for
from hostlift.plan.make import make

NAMES = ("root", "home", "var-log", "srv", "data")


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """Any group: up to five file systems and a swap area, in any order, with or without free space."""
    names = ["root", *draw(st.lists(st.sampled_from(NAMES[1:]), unique=True))]
    used = {n: draw(st.integers(0, 30)) * GIB // 8 for n in names}
    sizes = {n: used[n] + draw(st.integers(1, 40)) * GIB // 4 for n in names}
    swap = draw(st.booleans())
    order = draw(st.permutations([*names, *(["swap"] if swap else [])]))
    extent = draw(st.sampled_from([MIB, 4 * MIB, 32 * MIB]))
    logical = tuple(a_logical(n, _whole(sizes.get(n, GIB), extent)) for n in order)
    free = draw(st.integers(0, 20)) * GIB
    machine = an_lvm_machine()
    disk = machine.disks[0]
    size = _whole(sum(v.size for v in logical), extent) + free + 2 * MIB
    second = replace(disk.partitions[1], size=size)
    group = machine.groups[0]
    device = {v.name: v.device for v in logical}
    places = {n: "/" if n == "root" else f"/{n}" for n in names}
    return replace(
        machine,
        disks=(replace(disk, size=GIB + size + 2 * MIB, partitions=(disk.partitions[0], second)),),
        file_systems=(
            machine.file_systems[1],
            *(a_file_system(places[n], device[n], size=sizes[n], used=used[n]) for n in names),
        ),
        swaps=(FileSystem(device=device["swap"], kind="swap", size=GIB),) if swap else (),
        stacked=tuple(
            Stacked(device=v.device, kind=StackKind.LVM, size=v.size, beneath=("/dev/sda2",))
            for v in logical
        ),
        groups=(
            replace(
                group,
                extent_size=extent,
                logical=logical,
                physical=(replace(group.physical[0], size=size),),
            ),
        ),
    )


def _whole(size: int, extent: int) -> int:
    return -(-size // extent) * extent


def planned(machine: Machine, flat: bool, size: int) -> MigrationPlan | None:
    """The plan, or None when it was refused in words."""
    settings = some_settings(data_disks=[], flatten_lvm=flat, system_disk_size=size)
    try:
        return make(machine, settings, {})
    except (ConfigError, CheckBlocked):
        return None


def areas(plan: MigrationPlan) -> list[Area]:
    return [a for d in plan.disks for p in d.partitions for a in p.areas]


@given(machines(), st.booleans(), st.sampled_from([-1, 20, 50, 100, 200]))
def test_everything_is_placed_once_and_nothing_overlaps(
    machine: Machine, flat: bool, size: int
) -> None:
    """Each file system and swap area has a place; places lie one after the other, on the disk."""
    plan = planned(machine, flat, size)
    if plan is None:
        return
    mounts = sorted(fs.mount_point for fs in machine.file_systems)
    assert sorted(v.mount_point for v in plan.volumes) == mounts
    assert sum(a.content is Content.SWAP for a in areas(plan)) == len(machine.swaps)
    found = [plan.disks[0].area(v) for v in plan.volumes]
    assert sorted(a.mount_point for a in found) == mounts
    placed = sorted(areas(plan), key=lambda a: a.start)
    assert all(a.start + a.size <= b.start for a, b in pairwise(placed))
    assert placed[-1].start + placed[-1].size <= plan.disks[0].size_gib * GIB


@given(machines(), st.sampled_from([-1, 20, 50, 100, 200]))
def test_volumes_are_whole_extents_within_their_partition(machine: Machine, size: int) -> None:
    """Where LVM's metadata can name them, and large enough for what they hold."""
    plan = planned(machine, False, size)
    if plan is None:
        return
    used = {fs.mount_point: fs.used for fs in machine.file_systems}
    source = {v.name: v for v in machine.groups[0].logical}
    for partition in plan.disks[0].partitions:
        physical = partition.physical
        for volume in physical.volumes if physical else ():
            assert (volume.start - partition.start - MIB) % physical.extent_size == 0  # type: ignore[union-attr]
            assert volume.size % physical.extent_size == 0  # type: ignore[union-attr]
            assert volume.start + volume.size <= partition.start + partition.size
            assert volume.uuid == source[volume.name].uuid
            was = source[volume.name].size
            assert volume.size >= min(was, room_for(used.get(volume.mount_point, was)))


@given(machines())
def test_the_same_size_keeps_every_volume_as_it_was(machine: Machine) -> None:
    """Only a root may be larger: by what the rounding up to whole GiB adds."""
    plan = planned(machine, False, -1)
    assert plan is not None
    was = {v.name: v.size for v in machine.groups[0].logical}
    for partition in plan.disks[0].partitions:
        for volume in partition.physical.volumes if partition.physical else ():
            assert volume.size >= was[volume.name]
            assert volume.name == "root" or volume.size == was[volume.name]
