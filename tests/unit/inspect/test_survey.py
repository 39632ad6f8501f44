# SPDX-License-Identifier: Apache-2.0
"""The survey on made-up kernels: what it finds, and what it never mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.commands import Answer, ScriptedCommands
from fakes.sysfs import GIB, FakeKernel

from hostlift.errors import HostError
from hostlift.inspect.survey import survey
from hostlift.model.machine import Firmware, Machine, TableKind

MIB = 1 << 20
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
SFDISK = {
    "partitiontable": {
        "label": "gpt",
        "id": "AAAA",
        "device": "/dev/vda",
        "unit": "sectors",
        "sectorsize": 512,
        "partitions": [
            {"node": "/dev/vda1", "start": 4096, "size": 41000000, "type": LINUX, "uuid": "P1"},
            {"node": "/dev/vda14", "start": 2048, "size": 2048, "type": BIOS_BOOT, "uuid": "P14"},
        ],
    }
}
BLKID = """DEVNAME=/dev/vda
PTUUID=aaaa
PTTYPE=gpt

DEVNAME=/dev/vda1
UUID=ROOT-UUID
LABEL=root\\ disk
TYPE=ext4

DEVNAME=/dev/vda15
UUID=SWAP-UUID
TYPE=swap
"""
DUMPE2FS = """Filesystem volume name:   root
Filesystem features:      has_journal ext_attr needs_recovery extent 64bit orphan_present
Inode size:	          256
Block size:               4096
"""


def tools(**more: Answer) -> ScriptedCommands:
    known: dict[str, Answer] = {
        "blkid": BLKID,
        "sfdisk --json /dev/vda": json.dumps(SFDISK),
        "sfdisk": 1,
        "dumpe2fs -h": DUMPE2FS,
        "xfs_info": 1,
        "ip -j address": "[]",
        "grub2-install": 1,
        "grub-install": 1,
    }
    return ScriptedCommands({**known, **more})


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    """One disk with a root partition, mounted at <tmp>/root."""
    made = FakeKernel(tmp_path)
    made.disk("vda", "254:0", 20 * GIB, serial="d-1", queue__logical_block_size="512")
    made.partition("vda", "vda1", "254:1", 2 * MIB, 19 * GIB)
    made.partition("vda", "vda14", "254:14", MIB, MIB)
    made.put("root/etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n')
    made.put("root/etc/hostname", "offline01\n")
    made.mount("254:1", str(tmp_path / "root"), "ext4", "/dev/vda1")
    return made


def look(kernel: FakeKernel, commands: ScriptedCommands | None = None) -> Machine:
    return survey(
        kernel.folder / "root",
        commands=commands or tools(),
        clock=FakeClock(),
        host=kernel.host,
    )


def test_disk_table_and_file_system_are_described(kernel: FakeKernel) -> None:
    """Sizes in bytes, partitions in order of number, momentary flags left out."""
    machine = look(kernel)
    (disk,) = machine.disks
    assert (disk.device, disk.size, disk.serial) == ("/dev/vda", 20 * GIB, "d-1")
    assert (disk.table, disk.table_id) == (TableKind.GPT, "AAAA")
    assert [(p.number, p.start, p.uuid) for p in disk.partitions] == [
        (1, 4096 * 512, "P1"),
        (14, MIB, "P14"),
    ]
    (root,) = machine.file_systems
    assert (root.mount_point, root.device, root.uuid) == ("/", "/dev/vda1", "ROOT-UUID")
    assert (root.label, root.used, root.used_inodes) == ("root disk", 4 * GIB, 300)
    assert root.features == ("has_journal", "ext_attr", "extent", "64bit")
    assert root.inode_size == 256


def test_an_offline_source_speaks_through_its_files(kernel: FakeKernel) -> None:
    """Host name, distribution and firmware are the source's, not this machine's."""
    kernel.put("proc/net/tcp", "h\n 0: 00000000:0016 0:0 0A\n")
    kernel.process(10, "postgres", "/var/lib/postgresql/15/main")
    machine = look(kernel)
    assert not machine.live
    assert (machine.hostname, machine.os_id, machine.os_version) == ("offline01", "debian", "12")
    assert machine.firmware is Firmware.BIOS
    assert machine.listening == ()
    assert machine.workloads == ()
    assert machine.interfaces == ()


def test_mounts_below_the_root_lose_its_prefix(kernel: FakeKernel) -> None:
    """Other mounts of the rescue system are not the source's."""
    root = kernel.folder / "root"
    kernel.disk("vdb", "254:16", 30 * GIB)
    kernel.mount("254:16", f"{root}/srv/a\\040b", "ext4", "/dev/vdb")
    kernel.mount("254:16", "/elsewhere", "ext4", "/dev/vdb")
    kernel.mount("0:5", f"{root}/proc", "proc", "proc")
    machine = look(kernel)
    assert [fs.mount_point for fs in machine.file_systems] == ["/", "/srv/a b"]
    assert [d.device for d in machine.disks] == ["/dev/vda", "/dev/vdb"]
    assert machine.disks[1].table is None


def test_bind_mounts_and_overmounted_places_count_once(kernel: FakeKernel) -> None:
    """One file system is one, wherever it is seen."""
    root = kernel.folder / "root"
    kernel.mount("254:1", f"{root}/bind", "ext4", "/dev/vda1", inner="/var")
    kernel.mount("254:1", f"{root}/again", "ext4", "/dev/vda1")
    assert [fs.mount_point for fs in look(kernel).file_systems] == ["/"]


def test_images_that_are_files_of_the_source_are_no_file_systems(kernel: FakeKernel) -> None:
    """A snap or a loop-mounted backup travels as the file it is."""
    root = kernel.folder / "root"
    kernel.disk("loop3", "7:3", GIB, loop__backing_file="/srv/image.raw")
    kernel.put("root/srv/image.raw", "")
    kernel.mount("7:3", f"{root}/mnt/image", "ext4", "/dev/loop3")
    kernel.mount("7:4", f"{root}/snap/core", "squashfs", "/dev/loop4")
    assert [fs.mount_point for fs in look(kernel).file_systems] == ["/"]


def test_a_root_on_lvm_names_the_volume_and_the_disk_below(tmp_path: Path) -> None:
    """The planner can refuse it by name."""
    made = FakeKernel(tmp_path)
    made.disk("vda", "254:0", 20 * GIB)
    made.partition("vda", "vda1", "254:1", MIB, 19 * GIB)
    made.disk("dm-0", "253:0", 18 * GIB, dm__name="vg-root")
    made.slave("dm-0", "vda1")
    (tmp_path / "root").mkdir()
    made.mount("253:0", str(tmp_path / "root"), "ext4", "/dev/mapper/vg-root")
    machine = look(made)
    assert machine.file_systems[0].device == "/dev/mapper/vg-root"
    assert [d.device for d in machine.disks] == ["/dev/vda"]


def test_a_folder_where_nothing_is_mounted_is_an_error(tmp_path: Path) -> None:
    """It says what to mount."""
    with pytest.raises(HostError) as caught:
        look(FakeKernel(tmp_path))
    assert caught.value.subject == str(tmp_path / "root")
    assert "Mount" in caught.value.hint


def test_missing_and_failing_tools_leave_blanks(kernel: FakeKernel) -> None:
    """A rescue system without blkid still tells what sysfs knows."""
    commands = ScriptedCommands({"sfdisk": 1}, missing=("blkid", "dumpe2fs"))
    machine = look(kernel, commands)
    assert machine.file_systems[0].uuid == ""
    assert [p.number for p in machine.disks[0].partitions] == [1, 14]
    assert machine.disks[0].table is None


def test_few_processes_are_started(kernel: FakeKernel) -> None:
    """On a slow machine every process costs a second."""
    commands = tools()
    look(kernel, commands)
    assert len(commands.lines) <= 3


def test_time_runs_out_politely(kernel: FakeKernel) -> None:
    """Tools that hang one after the other do not hang the inspection."""
    clock = FakeClock()

    def slow(_argv: object) -> str:
        clock.sleep(200)
        return BLKID

    commands = tools(blkid=slow)
    machine = survey(kernel.folder / "root", commands=commands, clock=clock, host=kernel.host)
    assert [line.split()[0] for line in commands.lines] == ["blkid"]
    assert machine.file_systems[0].uuid == "ROOT-UUID"


def test_kernels_are_known_by_every_familys_names(kernel: FakeKernel) -> None:
    """Debian, Red Hat, SUSE and Arch; rescue and kdump images are none."""
    for name in (
        "vmlinuz-6.1.0-18-amd64",
        "initrd.img-6.1.0-18-amd64",
        "vmlinuz-5.14.0-1.el9.x86_64",
        "initramfs-5.14.0-1.el9.x86_64.img",
        "vmlinuz-0-rescue-abc",
        "vmlinuz-linux",
        "initramfs-linux.img",
        "vmlinuz-4.12-default",
        "initrd-4.12-default",
    ):
        kernel.put(f"root/boot/{name}", "")
    kernel.put("root/lib/modules/6.7.1-arch1-1/pkgbase", "linux\n")
    found = {k.release: k.initramfs.rpartition("/")[2] for k in look(kernel).kernels}
    assert found == {
        "6.1.0-18-amd64": "initrd.img-6.1.0-18-amd64",
        "5.14.0-1.el9.x86_64": "initramfs-5.14.0-1.el9.x86_64.img",
        "6.7.1-arch1-1": "initramfs-linux.img",
        "4.12-default": "initrd-4.12-default",
    }


def test_unified_images_are_kernels_with_their_initramfs(kernel: FakeKernel) -> None:
    """Named by release or flavour; an initramfs in one is no missing one; something else is none."""
    for release in ("6.12.1-1", "6.12.1-1-amd64", "6.9.1-arch1-1"):
        kernel.put(f"root/lib/modules/{release}/modules.dep", "")
    kernel.put("root/lib/modules/6.9.1-arch1-1/pkgbase", "linux\n")
    kernel.put("root/boot/vmlinuz-6.12.1-1", "")
    folder = "/boot/efi/EFI/Linux"
    for name in ("a-6.12.1-1.efi", "a-6.12.1-1-amd64.efi", "arch-linux.efi", "else.efi", "x.txt"):
        kernel.put(f"root{folder}/{name}", "")
    machine = look(kernel)
    assert {k.release: (k.image, k.initramfs) for k in machine.kernels} == {
        "6.12.1-1": ("/boot/vmlinuz-6.12.1-1", f"{folder}/a-6.12.1-1.efi"),
        "6.12.1-1-amd64": (f"{folder}/a-6.12.1-1-amd64.efi",) * 2,
        "6.9.1-arch1-1": (f"{folder}/arch-linux.efi",) * 2,
    }
    assert machine.loader == "unified"


def test_the_only_kernel_is_the_one_of_the_only_unified_image(kernel: FakeKernel) -> None:
    """Whatever an administrator called it."""
    kernel.put("root/lib/modules/6.12.1/modules.dep", "")
    kernel.put("root/efi/EFI/Linux/mine.EFI", "")
    (found,) = look(kernel).kernels
    assert (found.release, found.image) == ("6.12.1", "/efi/EFI/Linux/mine.EFI")


def test_grub_and_its_version_come_from_dpkg(kernel: FakeKernel) -> None:
    """No program of the source has to run for it."""
    kernel.put("root/boot/grub/grub.cfg", "")
    stanza = "Package: {}\nStatus: {}\nVersion: {}\n\n"
    status = stanza.format("grub-common", "install ok installed", "2.06-13+deb12u1")
    kernel.put("root/var/lib/dpkg/status", stanza.format("a", "x", "1") + status)
    machine = look(kernel)
    assert (machine.loader, machine.loader_version) == ("grub2", "2.06-13+deb12u1")


def test_links_of_the_source_never_lead_to_ours(kernel: FakeKernel) -> None:
    """An absolute link is resolved inside the source."""
    (kernel.folder / "secret").write_text("ID=stolen\n")
    release = kernel.folder / "root/etc/os-release"
    release.unlink()
    release.symlink_to(kernel.folder / "secret")
    assert look(kernel).os_id == ""
    kernel.put("root/usr/lib/os-release", "ID=ubuntu\nID_LIKE=debian\n")
    release.unlink()
    release.symlink_to("/usr/lib/os-release")
    assert (look(kernel).os_id, look(kernel).os_like) == ("ubuntu", ("debian",))


def test_swap_partitions_are_found_by_their_content(kernel: FakeKernel) -> None:
    """Also those that are not in use."""
    kernel.partition("vda", "vda15", "254:15", 19 * GIB + 3 * MIB, GIB - 4 * MIB)
    (swap,) = look(kernel, tools(**{"sfdisk --json /dev/vda": 1})).swaps
    assert (swap.device, swap.uuid) == ("/dev/vda15", "SWAP-UUID")
