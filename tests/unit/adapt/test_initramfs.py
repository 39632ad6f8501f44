# SPDX-License-Identifier: Apache-2.0
"""The initramfs step: reads first, adds only what is missing, and says what it cannot do."""

from __future__ import annotations

import gzip
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.layouts import ORDER, a_bench
from fakes.tree import MemoryTree

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.steps.boot.initramfs import STEP
from hostlift.errors import AdaptError
from hostlift.formats import cpio, initramfs
from hostlift.formats.cpio import Member

RELEASE = "6.1.0-21-amd64"
IMAGE = f"/boot/initrd.img-{RELEASE}"
DEP = """\
kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/block/virtio_blk.ko.gz: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/fs/jbd2/jbd2.ko:
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko
"""
MODULES = [line.split(":")[0] for line in DEP.splitlines()]
ORDER_FILE = b'/scripts/init-top/udev "$@"\n'
NO_REBUILD = replace(ORDER, rebuild_initramfs=False)


def image(modules: Sequence[str], *more: Member) -> bytes:
    members = [
        Member("lib", stat.S_IFLNK | 0o777, data=b"usr/lib"),
        Member("usr/bin/kmod", stat.S_IFREG | 0o755, data=b"kmod"),
        *more,
        *(
            Member(f"usr/lib/modules/{RELEASE}/{m}", stat.S_IFREG | 0o644, data=b"m")
            for m in modules
        ),
    ]
    early = cpio.write([Member("kernel/x86/microcode/x.bin", stat.S_IFREG | 0o644, data=b"u")])
    return early + gzip.compress(cpio.write(members), mtime=0)


INIT_TOP = Member("scripts/init-top/ORDER", stat.S_IFREG | 0o644, data=ORDER_FILE)


def guest(content: bytes, dep: str = DEP) -> MemoryTree:
    files: dict[str, bytes | str | tuple[str, str]] = {
        f"/boot/vmlinuz-{RELEASE}": b"kernel",
        IMAGE: content,
        f"/lib/modules/{RELEASE}/modules.dep": dep,
        f"/lib/modules/{RELEASE}/modules.builtin": "kernel/drivers/nvme/host/nvme.ko\n",
        "/etc/initramfs-tools/modules": "# modules\n",
    }
    for module in MODULES:
        data = b"\x7fELF " + module.encode()
        packed = gzip.compress(data) if module.endswith(".gz") else data
        files[f"/lib/modules/{RELEASE}/{module}"] = packed
    return MemoryTree(files)


def run(bench: Bench) -> list[str]:
    STEP.apply(bench, Editor(bench.tree, bench.ledger, STEP.name))
    return list(STEP.check(bench))


def test_an_image_with_all_drivers_is_left_alone(tmp_path: Path) -> None:
    """No edit, no process."""
    bench = a_bench(guest(image(MODULES)), tmp_path, ScriptedCommands())
    assert run(bench) == []
    assert bench.ledger.edits == ()


def test_missing_drivers_are_appended_with_a_script_that_loads_them_in_order(
    tmp_path: Path,
) -> None:
    """The old image is untouched at the start; compressed modules are unpacked; udev still runs."""
    old = image([], INIT_TOP)
    tree = guest(old)
    bench = a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD)
    assert run(bench) == []
    new = tree.read(IMAGE)
    assert new.startswith(old)
    found = {m.name: m for m in initramfs.members(new, lambda _: True)}
    script = found["scripts/init-top/hostlift"]
    assert script.mode == stat.S_IFREG | 0o755
    line = next(x for x in script.data.decode().splitlines() if x.strip().startswith("for module"))
    names = [Path(p).name for p in line.replace(";", " ").split() if p.endswith(".ko")]
    assert names.index("virtio.ko") < names.index("virtio_ring.ko") < names.index("virtio_blk.ko")
    assert names.index("jbd2.ko") < names.index("ext4.ko")
    block = found[f"usr/lib/modules/{RELEASE}/hostlift/virtio_blk.ko"]
    assert block.data == b"\x7fELF kernel/drivers/block/virtio_blk.ko.gz"
    order = found["scripts/init-top/ORDER"].data
    assert order.endswith(ORDER_FILE)
    assert order.startswith(b"/scripts/init-top/hostlift")
    assert found["hostlift/insmod"].data == b"/usr/bin/kmod"
    assert "virtio_blk" in tree.read("/etc/initramfs-tools/modules").decode().split()
    assert "lacks" in next(e.why for e in bench.ledger.edits if e.path == IMAGE)


def test_twice_is_once_and_undo_gives_the_old_image(tmp_path: Path) -> None:
    """The appended image is complete, so nothing more is appended."""
    tree = guest(image([], INIT_TOP))
    before = tree.everything()
    bench = a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD)
    run(bench)
    after = tree.everything()
    run(a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD))
    assert tree.everything() == after
    bench.ledger.undo(tree)
    assert tree.everything() == before


def test_an_image_of_dracut_gets_a_hook(tmp_path: Path) -> None:
    """Below usr/lib, as its lib is a link."""
    hooks = Member("usr/lib/dracut/hooks", stat.S_IFDIR | 0o755)
    tree = guest(image([], hooks))
    assert run(a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD)) == []
    names = [m.name for m in initramfs.members(tree.read(IMAGE))]
    assert "usr/lib/dracut/hooks/pre-udev/00-hostlift.sh" in names


def test_an_image_without_a_way_in_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """No hooks and no shell: it would not boot, and we cannot help."""
    bench = a_bench(guest(image([])), tmp_path, ScriptedCommands(), NO_REBUILD)
    with pytest.raises(AdaptError, match="no way to join") as error:
        run(bench)
    assert "virtio_blk" in error.value.hint


def test_a_kernel_without_virtio_is_named(tmp_path: Path) -> None:
    """Neither built in nor a module: the check says that nothing can start here."""
    dep = "kernel/fs/ext4/ext4.ko:\n"
    bench = a_bench(guest(image([]), dep), tmp_path, ScriptedCommands())
    (problem,) = run(bench)
    assert "virtio_blk" in problem
    assert RELEASE in bench.notes[0]


def test_a_damaged_image_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A half-copied image must not pass for a good one."""
    bench = a_bench(guest(image(MODULES)[:-40]), tmp_path, ScriptedCommands())
    with pytest.raises(AdaptError) as error:
        run(bench)
    assert error.value.subject == IMAGE


SPARE = "5.10.0-8-amd64"
MENU = f"""\
set default="0"
menuentry a {{
 linux /boot/vmlinuz-{SPARE} root=UUID=1
}}
menuentry b {{
 linux /boot/vmlinuz-{RELEASE} root=UUID=1
}}
"""


def guest_with_spare(content: bytes) -> MemoryTree:
    """Two kernels, the newer one in order."""
    tree = guest(image(MODULES, INIT_TOP))
    tree.write(f"/boot/vmlinuz-{SPARE}", b"kernel")
    tree.write(f"/boot/initrd.img-{SPARE}", content)
    tree.symlink(f"/lib/modules/{SPARE}", RELEASE)
    return tree


@pytest.mark.parametrize(
    ("content", "why"), [(image(MODULES)[:-40], "ends too early"), (image([]), "no way to join")]
)
def test_the_image_of_a_spare_kernel_stops_only_those_who_start_it(
    tmp_path: Path, content: bytes, why: str
) -> None:
    """A note, while another kernel starts by default; an error once the menu starts this one."""
    tree = guest_with_spare(content)
    bench = a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD)
    assert run(bench) == []
    assert tree.read(f"/boot/initrd.img-{SPARE}") == content
    (note,) = bench.notes
    assert why in note
    assert f"{RELEASE} starts by default" in note
    tree.mkdir("/boot/grub")
    tree.write("/boot/grub/grub.cfg", MENU.encode())
    with pytest.raises(AdaptError, match=why):
        run(a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD))


SHELL = Member("bin/busybox", stat.S_IFREG | 0o755, data=b"busybox")


@pytest.mark.parametrize(
    ("init", "ending"),
    [
        (Member("init", stat.S_IFREG | 0o755, data=b"#!/bin/sh\nold\n"), b'exec /hostlift/init "$@"\n'),
        (Member("init", stat.S_IFLNK | 0o777, data=b"usr/lib/systemd/systemd"), b'/usr/lib/systemd/systemd "$@"\n'),
    ],
    ids=["script", "link"],
)  # fmt: skip
def test_an_image_of_an_unknown_maker_gets_a_start_in_front_of_its_own(
    tmp_path: Path, init: Member, ending: bytes
) -> None:
    """mkinitcpio, mkinitfs, SUSE's mkinitrd and others: our init loads the modules, then goes on."""
    tree = guest(image([], SHELL, init))
    assert run(a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD)) == []
    found = {m.name: m for m in initramfs.members(tree.read(IMAGE), lambda _: True)}
    assert found["init"].mode == stat.S_IFREG | 0o755
    assert found["init"].data.startswith(b"#!/bin/busybox sh\n")
    assert found["init"].data.endswith(ending)
    assert b"virtio_blk.ko" in found["init"].data
    if not init.is_link:
        assert found["hostlift/init"].data == init.data


def test_the_list_of_a_nash_image_gets_more_lines(tmp_path: Path) -> None:
    """EL5 has no shell in its image: what is not named is not loaded, even when it is there."""
    old = b"#!/bin/nash\nmount -t proc /proc /proc\necho Creating block devices\nmkblkdevs\n"
    init = Member("init", stat.S_IFREG | 0o755, data=old)
    tree = guest(image(MODULES, init))
    bench = a_bench(tree, tmp_path, ScriptedCommands(), NO_REBUILD)
    assert run(bench) == []
    found = {m.name: m for m in initramfs.members(tree.read(IMAGE), lambda _: True)}
    lines = found["init"].data.decode().splitlines()
    loads = [line for line in lines if line.startswith("insmod ")]
    assert loads[0].endswith("/virtio.ko")
    assert lines.index(loads[-1]) < lines.index("echo Creating block devices")


def test_a_kernel_that_needs_no_module_needs_no_image(tmp_path: Path) -> None:
    """Everything built in, as its configuration says on old systems."""
    files: dict[str, bytes | str | tuple[str, str]] = {
        "/boot/vmlinuz-2.6.32": b"kernel",
        "/boot/config-2.6.32": "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_EXT4_FS=y\n",
        "/lib/modules/2.6.32/modules.dep": "",
    }
    assert run(a_bench(MemoryTree(files), tmp_path, ScriptedCommands())) == []


@pytest.mark.parametrize(
    ("names", "kernel", "base"),
    [
        (("initramfs-linux.img",), "vmlinuz-linux", "linux"),
        (("initramfs-lts",), "vmlinuz-lts", ""),
        ((f"initramfs-{RELEASE}.img",), f"vmlinuz-{RELEASE}", ""),
        ((f"initrd-{RELEASE}",), f"vmlinuz-{RELEASE}", ""),
        ((f"m1/{RELEASE}/initrd",), f"m1/{RELEASE}/linux", ""),
    ],
    ids=["arch", "alpine", "red-hat", "suse", "kernel-install"],
)
def test_images_are_found_by_the_names_of_every_family(
    tmp_path: Path, names: tuple[str, ...], kernel: str, base: str
) -> None:
    """One that lacks drivers is added to wherever it is."""
    release = f"{RELEASE}-lts" if "lts" in kernel else RELEASE
    files: dict[str, bytes | str | tuple[str, str]] = {
        f"/boot/{kernel}": b"kernel",
        f"/lib/modules/{release}/modules.dep": DEP,
        f"/lib/modules/{release}/modules.builtin": "",
        **{f"/boot/{name}": image([], INIT_TOP) for name in names},
        **({f"/lib/modules/{release}/pkgbase": f"{base}\n"} if base else {}),
    }
    for module in MODULES:
        data = gzip.compress(b"m") if module.endswith(".gz") else b"m"
        files[f"/lib/modules/{release}/{module}"] = data
    bench = a_bench(MemoryTree(files), tmp_path, ScriptedCommands(), NO_REBUILD)
    assert run(bench) == []
    assert [e.path for e in bench.ledger.edits] == [f"/boot/{name}" for name in names]
