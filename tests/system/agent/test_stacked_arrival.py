# SPDX-License-Identifier: Apache-2.0
"""Stacked sources from survey to re-read, through the real parts: what was there has arrived."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from builders import some_settings
from fakes.loops import loop_disks

from hostlift.agent.targets import Targets
from hostlift.events import discard
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mount_table, mounted, unmount
from hostlift.inspect.survey import survey
from hostlift.model.plan import GIB, MigrationPlan
from hostlift.plan.make import make
from hostlift.remote.messages import PrepareOrder
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import PassOptions, run_pass
from hostlift.replicate.receiver import Receiver
from hostlift.replicate.reread import outside, reread
from hostlift.replicate.roots import private_roots
from hostlift.verify.compare import compare

pytestmark = pytest.mark.root
MIB = 1 << 20
COMMANDS = SystemCommands()
CLOCK = SystemClock()


def run(*argv: str) -> None:
    COMMANDS.run(argv, timeout=60)


@contextlib.contextmanager
def a_btrfs(folder: Path) -> Iterator[Path]:
    """As SUSE lays it out: the root is a snapshot that is the default; yields where it is mounted."""
    with (
        loop_disks(folder / "source", {"src": 600 * MIB}) as by_id,
        contextlib.ExitStack() as stack,
    ):
        device = str((by_id / "virtio-src").resolve())
        run("mkfs.btrfs", "-q", device)
        top = folder / "top"
        top.mkdir()
        with mounted(device, top, kind="btrfs"):
            for path in ("@", "@/.snapshots", "@/home", "@/home/vm"):
                run("btrfs", "subvolume", "create", str(top / path))
            first = top / "@/.snapshots/1"
            first.mkdir()
            run("btrfs", "subvolume", "snapshot", str(top / "@"), str(first / "snapshot"))
            for name in ("etc", "home", ".snapshots"):
                (first / "snapshot" / name).mkdir(exist_ok=True)
            (first / "snapshot/etc/fstab").write_text("UUID=x / btrfs defaults 0 0\n")
            (first / "info.xml").write_text("<snapshot/>")
            (top / "@/home/vm/disk").write_bytes(b"d" * MIB)
            run("btrfs", "subvolume", "snapshot", "-r", str(first / "snapshot"), f"{first}/../old")
            run("btrfs", "subvolume", "set-default", str(first / "snapshot"))
        root = folder / "root"
        root.mkdir()
        stack.enter_context(mounted(device, root, kind="btrfs"))
        for name, path in ((".snapshots", "@/.snapshots"), ("home", "@/home")):
            options = (f"subvol=/{path}",)
            stack.enter_context(mounted(device, root / name, kind="btrfs", options=options))
        yield root


def with_another_identity(plan: MigrationPlan) -> MigrationPlan:
    """A kernel never mounts two btrfs of one identity; source and target share this one."""
    (disk,) = plan.disks
    (partition,) = disk.partitions
    partition = replace(partition, fs_uuid="bbbbbbbb-0000-4000-8000-00000000000b")
    return replace(plan, disks=(replace(disk, partitions=(partition,)),))


def copied(plan: MigrationPlan, targets: Targets, root: Path, database: Path) -> dict[str, int]:
    """One pass of all volumes, read back; entries of each volume, none of which differs."""
    paths = targets.volumes()
    generations = {v: targets.generation(v) for v in paths}
    receiver = Receiver(paths, generations)
    threads: list[threading.Thread] = []

    def connect(_index: int) -> socket.socket:
        ours, theirs = socket.socketpair()
        threads.append(threading.Thread(target=receiver.serve, args=(theirs,)))
        threads[-1].start()
        return ours

    with Manifest.open(database) as manifest, private_roots(plan.volumes, root) as sources:
        for volume, generation in generations.items():
            manifest.bind(volume, generation)
        run_pass(
            sources=sources,
            manifest=manifest,
            connect=connect,
            options=PassOptions(patience=20.0, stall=20.0),
            sink=discard,
            stop=threading.Event(),
            clock=CLOCK,
        )
        for thread in threads:
            thread.join(30)
        receiver.close()
        counts: dict[str, int] = {}
        for volume, place in paths.items():
            there = reread(place, leaves_out=outside(targets.apart(volume)))
            receipt, differences = compare(volume, "/", manifest.entries(volume), there)
            assert not differences
            assert receipt.source_root == receipt.target_root
            counts[volume] = receipt.entries
        return counts


def test_a_btrfs_arrives_subvolume_by_subvolume(tmp_path: Path) -> None:
    """Default, nesting and content are the source's; the snapshot stays behind."""
    with a_btrfs(tmp_path) as root:
        machine = survey(root, commands=COMMANDS, clock=CLOCK)
        settings = some_settings(data_disks=[], architecture="x86_64")
        plan = with_another_identity(make(machine, settings, {0: ()}))
        size = plan.disks[0].size_gib * GIB
        with loop_disks(tmp_path / "target", {"d-0": size}) as by_id:
            targets = Targets(
                tmp_path / "state", COMMANDS, by_id=by_id, mount_root=tmp_path / "mnt"
            )
            order = PrepareOrder(disks=plan.disks, volumes=plan.volumes, serials={0: "d-0"})
            try:
                targets.prepare(order, lambda *_: None)
                counts = copied(plan, targets, root, tmp_path / "state.db")
                assert len(counts) == 3
                assert targets.seal()
                device = f"{(by_id / 'virtio-d-0').resolve()}p1"
                plain = tmp_path / "plain"
                plain.mkdir()
                with mounted(device, plain, kind="btrfs"):
                    assert (plain / "etc/fstab").read_text().startswith("UUID=x")
                    listed = COMMANDS.run(
                        ["btrfs", "subvolume", "list", str(plain)], timeout=60
                    ).text
                with mounted(device, plain, kind="btrfs", options=("subvol=/",)):
                    assert (plain / "@/home/vm/disk").read_bytes() == b"d" * MIB
                    assert (plain / "@/.snapshots/1/info.xml").exists()
                    assert not list((plain / "@/.snapshots/old").iterdir())
            finally:
                for mount in reversed(mount_table()):
                    if Path(mount.mount_point).is_relative_to(tmp_path / "mnt"):
                        unmount(Path(mount.mount_point))
    made = {line.split(" path ")[1] for line in listed.splitlines()}
    assert made == {"@", "@/.snapshots", "@/home", "@/home/vm", "@/.snapshots/1/snapshot"}
