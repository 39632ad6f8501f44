# SPDX-License-Identifier: Apache-2.0
"""What holds for every plan, whatever the machine."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from blake3 import blake3
from builders import BIOS_BOOT_TYPE, GIB, MIB, SWAP_TYPE, a_file_system, a_machine, some_settings
from hypothesis import assume, given
from hypothesis import strategies as st

from hostlift.errors import ConfigError
from hostlift.model.entry import tree_root
from hostlift.model.machine import Disk, FileSystem, Machine, Partition, TableKind
from hostlift.model.plan import Content, MigrationPlan, TargetDisk
from hostlift.plan.make import make
from hostlift.plan.parts import room_for
from hostlift.plan.patterns import escape, matches

KINDS = ("root", "files", "swap", "unused")


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """System disks with one to six partitions in any order, used in any degree."""
    table = draw(st.sampled_from(TableKind))
    kinds = draw(st.lists(st.sampled_from(KINDS[1:]), max_size=5 if table is TableKind.GPT else 3))
    kinds.insert(draw(st.integers(0, len(kinds))), "root")
    cursor = draw(st.sampled_from([63 * 512, MIB]))
    partitions: list[Partition] = []
    systems: list[FileSystem] = []
    swaps: list[FileSystem] = []
    for number, kind in enumerate(kinds, start=1):
        size = draw(st.integers(64, 40 * 1024)) * MIB
        device = f"/dev/sda{number}"
        gpt = table is TableKind.GPT
        type_ = {"swap": SWAP_TYPE if gpt else "82"}.get(kind, BIOS_BOOT_TYPE if gpt else "83")
        partitions.append(
            Partition(number=number, start=cursor, size=size, type=type_, device=device)
        )
        cursor += size + draw(st.integers(0, 8)) * 512
        if kind in ("root", "files"):
            used = size * draw(st.integers(0, 100)) // 100
            mount = "/" if kind == "root" else f"/m{number}"
            systems.append(a_file_system(mount, device, size=size, used=used))
        elif kind == "swap":
            swaps.append(FileSystem(device=device, kind="swap", uuid=str(number), size=size))
    disk = Disk(
        device="/dev/sda",
        size=cursor + 34 * 512 + draw(st.integers(0, 4096)) * MIB,
        table=table,
        table_id="0x11111111",
        partitions=tuple(partitions),
    )
    other = draw(st.booleans())
    if other:
        systems.append(a_file_system("/m1/deep", "/dev/sdb", used=draw(st.integers(0, 30)) * GIB))
    disks = (disk, Disk(device="/dev/sdb", size=40 * GIB)) if other else (disk,)
    return a_machine(disks=disks, file_systems=tuple(systems), swaps=tuple(swaps))


def planned(machine: Machine, wish: int) -> MigrationPlan | None:
    settings = some_settings(system_disk_size=wish, data_disks=[])
    try:
        return make(machine, settings, {0: ()})
    except ConfigError as error:
        if error.subject != "system_disk_size":
            raise
        return None


def lies_well(disk: TargetDisk) -> None:
    tops = [p for p in disk.partitions if p.number < 5 or disk.table is TableKind.GPT]
    tops.sort(key=lambda p: p.start)
    end = disk.size_gib * GIB - (33 * 512 if disk.table is TableKind.GPT else 0)
    assert all(p.start > 0 and p.size > 0 and p.start % 512 == 0 == p.size % 512 for p in tops)
    assert tops[-1].start + tops[-1].size <= end
    for left, right in pairwise(tops):
        assert left.start + left.size <= right.start


@given(machines(), st.sampled_from([-1, 20, 25, 40, 100, 300, 2048]))
def test_partitions_lie_inside_the_disk_and_never_overlap(machine: Machine, wish: int) -> None:
    """Whatever is kept has its own place."""
    plan = planned(machine, wish)
    assume(plan is not None)
    assert plan is not None
    lies_well(plan.disks[0])
    assert wish == -1 or plan.disks[0].size_gib == wish


@given(machines(), st.sampled_from([-1, 20, 40, 100]))
def test_every_volume_holds_what_goes_into_it(machine: Machine, wish: int) -> None:
    """As large as on the source, or as its files need with air to breathe."""
    plan = planned(machine, wish)
    assume(plan is not None)
    assert plan is not None
    used = {fs.mount_point: fs.used for fs in machine.file_systems}
    was = {p.number: p.size for p in machine.disks[0].partitions}
    for volume in plan.volumes:
        size = next(p.size for p in plan.disks[0].partitions if p.number == volume.partition)
        own = sum(used[t.path] for t in volume.trees)
        merged = len(volume.trees) > 1
        assert size >= (room_for(own) if merged else min(was[volume.partition], room_for(own)))


@given(machines(), st.sampled_from([-1, 20, 40, 100]))
def test_nothing_that_is_mounted_is_forgotten(machine: Machine, wish: int) -> None:
    """Every local file system is in exactly one volume; identities are the source's."""
    plan = planned(machine, wish)
    assume(plan is not None)
    assert plan is not None
    trees = sorted(t.path for v in plan.volumes for t in v.trees)
    assert trees == sorted(fs.mount_point for fs in machine.file_systems)
    source = {p.number: p for p in machine.disks[0].partitions}
    for part in plan.disks[0].partitions:
        assert part.type == source[part.number].type
        assert part.content is not Content.FILES or part.fs_uuid
    order = [p.number for p in sorted(plan.disks[0].partitions, key=lambda p: p.start)]
    assert order == sorted(order)


@given(machines(), st.sampled_from([-1, 20, 100]))
def test_the_same_input_gives_the_same_plan(machine: Machine, wish: int) -> None:
    """A plan is a function: resuming compares it."""
    assert planned(machine, wish) == planned(replace(machine), wish)


@given(machines())
def test_a_refused_size_names_one_that_works(machine: Machine) -> None:
    """Following the hint is enough."""
    settings = some_settings(system_disk_size=20, data_disks=[])
    try:
        make(machine, settings, {0: ()})
    except ConfigError as error:
        least = int(error.hint.split()[3])
        assume(least <= 2048)
        assert planned(machine, least) is not None
        assert planned(machine, least - 1) is None


@given(st.text(alphabet="ab*?[]\\.é ", min_size=1))
def test_an_escaped_name_matches_itself_only(name: str) -> None:
    """Names of directories may hold wildcards."""
    assert matches(escape(name), name)
    assert not matches(escape(name), name + "x")


def level_by_level(leaves: list[bytes]) -> bytes:
    """The root as its definition says, with the whole list in memory."""
    level = leaves or [bytes(32)]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [blake3(b"\x01" + b"".join(p)).digest() if len(p) > 1 else p[0] for p in pairs]
    return level[0]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_the_streamed_tree_root_is_the_one_of_the_definition(leaves: list[bytes]) -> None:
    """Pairs from the left, an odd last one carried up."""
    assert tree_root(leaves) == level_by_level(leaves)


@given(
    st.lists(st.binary(min_size=32, max_size=32), max_size=40), st.binary(min_size=32, max_size=32)
)
def test_the_tree_root_depends_on_every_leaf_and_its_place(
    leaves: list[bytes], other: bytes
) -> None:
    """Equal roots mean equal lists."""
    root = tree_root(leaves)
    assert root == tree_root(iter(leaves))
    for i, leaf in enumerate(leaves):
        assume(leaf != other)
        assert tree_root([*leaves[:i], other, *leaves[i + 1 :]]) != root
