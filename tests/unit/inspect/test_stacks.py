# SPDX-License-Identifier: Apache-2.0
"""Stacked devices as sysfs shows them, without device-mapper, md or a tool of theirs at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.commands import Answer, ScriptedCommands
from fakes.lvm import a_group, image_of
from fakes.sysfs import GIB, FakeKernel

from hostlift.host.lvm.text import render
from hostlift.inspect.survey import survey
from hostlift.model.machine import Machine, StackKind

MIB = 1 << 20
GROUP = a_group(name="cl-web", size=19 * GIB)
LUKS = "0123456789abcdef0123456789abcdef"


def blkid(**types: str) -> str:
    return "\n".join(f"DEVNAME=/dev/{n}\nTYPE={t}\n" for n, t in types.items())


def dd(argv: Sequence[str]) -> bytes:
    """Reads of the physical volume, as dd makes them."""
    given = dict(word.partition("=")[::2] for word in argv[1:])
    size, skip = int(given["bs"]), int(given.get("skip", 0))
    return bytes(image_of(GROUP)[size * skip : size * (skip + int(given["count"]))])


class Answers(ScriptedCommands):
    """blkid and dd; no other tool of the source is asked about LVM."""

    def __init__(self, probed: str, **more: Answer) -> None:
        known: dict[str, Answer] = {"blkid": probed, "dd": 1, "dumpe2fs": "", "sfdisk": 1}
        super().__init__({**known, "grub-install": 1, "grub2-install": 1, **more})


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    """A disk of which the second partition is a physical volume, with one of its volumes as root."""
    made = FakeKernel(tmp_path)
    made.disk("sda", "8:0", 20 * GIB)
    made.partition("sda", "sda2", "8:2", GIB, 19 * GIB)
    made.put("root/etc/os-release", "ID=rocky\n")
    return made


def mapped(kernel: FakeKernel, number: int, name: str, uuid: str, *beneath: str) -> str:
    """A device-mapper device."""
    node = f"dm-{number}"
    kernel.disk(node, f"253:{number}", 16 * MIB, dm__name=name, dm__uuid=uuid)
    for lower in beneath:
        kernel.slave(node, lower)
    return node


def look(kernel: FakeKernel, commands: ScriptedCommands) -> Machine:
    return survey(kernel.folder / "root", commands=commands, clock=FakeClock(), host=kernel.host)


def on_lvm(kernel: FakeKernel) -> None:
    uuid = (GROUP.id + GROUP.logical[0].id).replace("-", "")
    mapped(kernel, 0, "cl--web-lv0", f"LVM-{uuid}", "sda2")
    kernel.mount("253:0", str(kernel.folder / "root"), "ext4", "/dev/mapper/cl--web-lv0")


def test_a_group_is_read_from_its_disk(kernel: FakeKernel) -> None:
    """Names with dashes, sizes, and what the volumes hold."""
    on_lvm(kernel)
    above = "\nDEVNAME=/dev/mapper/cl--web-lv0\nTYPE=ext4\nUUID=R\n"
    machine = look(kernel, Answers(blkid(sda2="LVM2_member") + above, dd=dd))
    (group,) = machine.groups
    assert (group.name, group.uuid, group.extent_size) == ("cl-web", GROUP.id, 4 * MIB)
    assert [(p.device, p.size) for p in group.physical] == [("/dev/sda2", 19 * GIB)]
    assert [(v.device, v.size, v.kind, v.holds) for v in group.logical] == [
        ("/dev/mapper/cl--web-lv0", 16 * MIB, "linear", "ext4"),
        ("/dev/mapper/cl--web-lv1", 16 * MIB, "linear", ""),
    ]
    (stacked,) = machine.stacked
    assert (stacked.kind, stacked.beneath) == (StackKind.LVM, ("/dev/sda2",))
    assert machine.file_systems[0].device == "/dev/mapper/cl--web-lv0"
    assert [d.device for d in machine.disks] == ["/dev/sda"]


def test_a_disk_that_cannot_be_read_leaves_the_copy_that_lvm_keeps(kernel: FakeKernel) -> None:
    """A dead path never answers: the process that asked is given up."""
    on_lvm(kernel)
    text = render(GROUP, host="h", time=1).replace('device = ""', 'device = "/dev/sda2"')
    kernel.put("root/etc/lvm/backup/cl-web", text)
    kernel.put("root/etc/lvm/backup/broken", "{")
    (group,) = look(kernel, Answers(blkid(sda2="LVM2_member"))).groups
    assert (group.name, group.physical[0].device) == ("cl-web", "/dev/sda2")


def test_an_array_names_its_members_level_and_identity(kernel: FakeKernel) -> None:
    """The identity is what blkid reads from a member."""
    kernel.disk("sdb", "8:16", 20 * GIB)
    kernel.partition("sdb", "sdb2", "8:18", GIB, 19 * GIB)
    kernel.disk("md0", "9:0", 19 * GIB, md__level="raid1")
    kernel.slave("md0", "sda2")
    kernel.slave("md0", "sdb2")
    kernel.mount("9:0", str(kernel.folder / "root"), "ext4", "/dev/md0")
    probed = "DEVNAME=/dev/sda2\nUUID=ARRAY\nTYPE=linux_raid_member\n"
    machine = look(kernel, Answers(probed))
    (array,) = machine.stacked
    assert (array.device, array.kind, array.level) == ("/dev/md0", StackKind.ARRAY, "raid1")
    assert (array.beneath, array.uuid) == (("/dev/sda2", "/dev/sdb2"), "ARRAY")
    assert [d.device for d in machine.disks] == ["/dev/sda", "/dev/sdb"]


def test_an_opened_container_below_a_volume_is_seen(kernel: FakeKernel) -> None:
    """LVM on LUKS, as installers make it: both layers, the upper one first."""
    mapped(kernel, 0, "sda2_crypt", f"CRYPT-LUKS2-{LUKS}-sda2_crypt", "sda2")
    mapped(kernel, 1, "vg-root", "LVM-" + "a" * 64, "dm-0")
    kernel.mount("253:1", str(kernel.folder / "root"), "ext4", "/dev/mapper/vg-root")
    machine = look(kernel, Answers(blkid()))
    assert [(s.device, s.kind, s.beneath) for s in machine.stacked] == [
        ("/dev/mapper/vg-root", StackKind.LVM, ("/dev/mapper/sda2_crypt",)),
        ("/dev/mapper/sda2_crypt", StackKind.LUKS, ("/dev/sda2",)),
    ]
    assert machine.stacked[1].uuid == "01234567-89ab-cdef-0123-456789abcdef"


def test_a_partition_behind_several_paths_is_found_on_each(kernel: FakeKernel) -> None:
    """Multipath maps the disk, and the partition again on top of that."""
    kernel.disk("sdb", "8:16", 20 * GIB)
    kernel.partition("sdb", "sdb2", "8:18", GIB, 19 * GIB)
    mapped(kernel, 0, "mpatha", "mpath-3600", "sda", "sdb")
    mapped(kernel, 1, "mpatha2", "part2-mpath-3600", "dm-0")
    kernel.mount("253:1", str(kernel.folder / "root"), "ext4", "/dev/mapper/mpatha2")
    (part,) = [s for s in look(kernel, Answers(blkid())).stacked if "mpatha2" in s.device]
    assert part.beneath == ("/dev/sda2", "/dev/sdb2")


def test_swap_on_a_logical_volume_is_found_once(kernel: FakeKernel) -> None:
    """By its content; /proc/swaps names the kernel's device."""
    on_lvm(kernel)
    kernel.put("proc/swaps", "Filename\tType\n/dev/dm-1 partition 100 0 -2\n")
    mapped(kernel, 1, "cl--web-lv1", "LVM-" + "b" * 64, "sda2")
    probed = "DEVNAME=/dev/mapper/cl--web-lv1\nUUID=SWAP\nTYPE=swap\n"
    machine = survey(Path("/"), commands=Answers(probed, ip=1), clock=FakeClock(), host=kernel.host)
    (swap,) = machine.swaps
    assert (swap.device, swap.uuid, swap.size) == ("/dev/mapper/cl--web-lv1", "SWAP", 16 * MIB)


def test_subvolumes_come_with_default_and_flags(kernel: FakeKernel) -> None:
    """As SUSE and snapper lay them out; the mount says which one it shows."""
    kernel.mount(
        "0:40", str(kernel.folder / "root"), "btrfs", "/dev/sda2", inner="/@/.snapshots/1/snapshot"
    )
    at = kernel.folder / "root"
    listed = (
        "ID 256 gen 9 top level 5 path @\n"
        "ID 257 gen 9 top level 256 path @/.snapshots\n"
        "ID 258 gen 9 top level 257 path @/.snapshots/1/snapshot\n"
    )
    commands = Answers(blkid(sda2="btrfs"))
    commands.answers |= {
        f"btrfs subvolume list {at}": listed,
        f"btrfs subvolume list -r {at}": "",
        f"btrfs subvolume list -s {at}": "ID 258 gen 9 cgen 3 top level 257 otime x y path p\n",
        f"btrfs subvolume get-default {at}": "ID 258 gen 9 top level 257 path p\n",
    }
    (fs,) = look(kernel, commands).file_systems
    assert fs.subvolume == "/@/.snapshots/1/snapshot"
    assert [(s.path, s.default, s.snapshot) for s in fs.subvolumes] == [
        ("@", False, False),
        ("@/.snapshots", False, False),
        ("@/.snapshots/1/snapshot", True, True),
    ]
