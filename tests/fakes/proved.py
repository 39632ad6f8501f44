# SPDX-License-Identifier: Apache-2.0
"""A finished copy on real disks with the receipt that a migration writes: made once, then judged.

Two disks: the system disk has a partition table and an ext4 root, the data disk is one XFS. The
source has what makes comparing hard: excluded paths, a file system mounted below another volume's
directory that is merged into it, files hidden under mount points, links across.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from builders import a_plan
from fakes.clock import FakeClock
from fakes.loops import loop_disks

from hostlift.events import discard
from hostlift.flow.context import Context
from hostlift.flow.evidence import write_baseline, write_signed
from hostlift.flow.journal import Journal, Record, open_journal
from hostlift.flow.results import Adapted, Approved, Copy, Results
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.disks import make_file_system, make_table, node_of
from hostlift.host.mounts import mounted, private_namespace
from hostlift.model.adaptation import Edit
from hostlift.model.machine import TableKind
from hostlift.model.plan import (
    Content,
    MigrationPlan,
    SourceTree,
    TargetDisk,
    TargetPartition,
    Volume,
)
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import run_pass
from hostlift.replicate.receiver import Receiver
from hostlift.replicate.reread import reread
from hostlift.replicate.roots import private_roots
from hostlift.replicate.sending.options import PassOptions
from hostlift.settings.folder import Workspace
from hostlift.verify.compare import compare

MIB = 1 << 20
KINDS = {"root": "ext4", "data": "xfs"}
_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"

VOLUMES = (
    Volume(
        id="root",
        disk=0,
        partition=1,
        mount_point="/",
        file_system="ext4",
        trees=(SourceTree(path="/"), SourceTree(path="/srv/merged", prefix="/srv/merged")),
        excludes=("/tmp/*", "*.cache", "/data/*"),
    ),
    Volume(
        id="data",
        disk=1,
        partition=0,
        mount_point="/data",
        file_system="xfs",
        trees=(SourceTree(path="/data"),),
        excludes=("/scratch/",),
    ),
)
DISKS = (
    TargetDisk(
        index=0,
        size_gib=1,
        table=TableKind.GPT,
        partitions=(
            TargetPartition(
                number=1,
                start=2 * MIB,
                size=120 * MIB,
                type=_LINUX,
                content=Content.FILES,
                file_system="ext4",
                mount_point="/",
            ),
        ),
    ),
    TargetDisk(
        index=1,
        size_gib=1,
        table=None,
        partitions=(
            TargetPartition(
                number=0,
                start=0,
                size=350 * MIB,
                type="",
                content=Content.FILES,
                file_system="xfs",
                mount_point="/data",
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Proved:
    """What a user has afterwards.

    Attributes:
        source: The server's root, its file systems mounted.
        images: The captured disks, raw, in the plan's order.
        receipt: The signed file.
    """

    source: Path
    images: tuple[Path, Path]
    receipt: Path


@dataclass
class _Context:
    """What writing the evidence asks of a context, and no more."""

    workspace: Workspace
    source_root: Path
    journal: Journal
    clock: FakeClock
    commands: SystemCommands
    migration: str = "m-1"


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Path]:
    """A source with its file systems mounted.

    In a namespace of the calling thread's own from the start: what is mounted outside of it before
    would stay mounted there.
    """
    private_namespace()
    root = folder / "server"
    for name in ("etc", "tmp", "srv/merged", "data", "var"):
        (root / name).mkdir(parents=True)
    (root / "etc/hostname").write_text("web01\n")
    (root / "etc/fstab").write_text("# as it was\n")
    os.symlink("hostname", root / "etc/link")
    (root / "tmp/left-out").write_text("by /tmp/*")
    # The first name in order is excluded: the other one carries the file.
    (root / "a.cache").write_text("linked")
    os.link(root / "a.cache", root / "var/kept")
    (root / "etc/initrd").write_bytes(os.urandom(3 * MIB))
    (root / "srv/merged/hidden").write_text("under the mount, never copied")
    with ExitStack() as stack:
        for place in ("srv/merged", "data"):
            stack.enter_context(mounted("none", root / place, kind="tmpfs"))
        (root / "srv/merged/-first").write_text("sorts before the dot")
        (root / "srv/merged/file").write_text("merged")
        os.link(root / "srv/merged/file", root / "srv/merged/other")
        (root / "data/scratch").mkdir()
        (root / "data/scratch/x").write_text("excluded")
        (root / "data/rows").write_bytes(os.urandom(100_000))
        yield root


@contextlib.contextmanager
def proved(folder: Path, edits: tuple[Edit, ...] = ()) -> Iterator[Proved]:
    """A copy with its receipt; ``edits`` are what the adaptation says it did afterwards."""
    with server(folder) as source:
        images = _copied(folder, source, edits)
        yield Proved(source, images, folder / "workspace/receipts/m-1.json")


def _copied(folder: Path, source: Path, edits: tuple[Edit, ...]) -> tuple[Path, Path]:
    workspace = Workspace(folder / "workspace")
    workspace.ensure()
    plan = a_plan(disks=DISKS, volumes=VOLUMES)
    with target_disks(folder / "disks") as targets:
        copy = _copy(source, workspace, plan, targets)
        results = Results(
            plan=Approved(plan=plan),
            replicate=copy,
            adapt=Adapted(edits=edits, notes=(), file_system_checks={}, beacon=""),
        )
        with open_journal(workspace.database, FakeClock()) as journal:
            journal.append(Record.MIGRATION, id="m-1")
            ctx = cast(
                "Context", _Context(workspace, source, journal, FakeClock(), SystemCommands())
            )
            write_baseline(ctx)
            write_signed(ctx, results)
    return folder / "disks/0.raw", folder / "disks/1.raw"


@contextlib.contextmanager
def target_disks(folder: Path) -> Iterator[dict[str, Path]]:
    """New disks, made as the plan says; yields where each volume is mounted."""
    commands, clock = SystemCommands(), SystemClock()
    folder.mkdir()
    with loop_disks(folder, {"0": 128 * MIB, "1": 350 * MIB}) as by_id, ExitStack() as stack:
        found = {}
        for volume, disk in zip(VOLUMES, DISKS, strict=True):
            device = str((by_id / f"virtio-{disk.index}").resolve())
            if disk.table is not None:
                make_table(device, disk, commands=commands, clock=clock)
            node = node_of(device, disk.partitions[0])
            make_file_system(node, disk.partitions[0], commands=commands)
            place = folder / volume.id
            place.mkdir()
            stack.enter_context(mounted(node, place, kind=volume.file_system))
            found[volume.id] = place
        yield found


def _copy(
    source: Path, workspace: Workspace, plan: MigrationPlan, targets: dict[str, Path]
) -> Copy:
    receiver = Receiver(targets, dict.fromkeys(targets, "g"))

    def connect(_stream: int) -> socket.socket:
        ours, theirs = socket.socketpair()
        threading.Thread(target=receiver.serve, args=(theirs,), daemon=True).start()
        return ours

    with (
        Manifest.open(workspace.database) as manifest,
        private_roots(plan.volumes, source) as sources,
    ):
        for volume in plan.volumes:
            manifest.bind(volume.id, "g")
        run_pass(
            sources=sources,
            manifest=manifest,
            connect=connect,
            options=PassOptions(final=True),
            sink=discard,
            stop=threading.Event(),
            clock=SystemClock(),
        )
        receipts = []
        for volume in plan.volumes:
            receipt, differences = compare(
                volume.id,
                volume.mount_point,
                manifest.entries(volume.id),
                reread(targets[volume.id], drop_caches=False),
            )
            assert differences == ()
            receipts.append(receipt)
    return Copy(passes=(), volumes=tuple(receipts), frozen_services=0, freeze_seconds=0.0)


@contextlib.contextmanager
def opened_image(image: Path, volume: str, folder: Path) -> Iterator[Path]:
    """A volume of an image, writable, as the adaptation or a vandal would have it."""
    commands = SystemCommands()
    start = next(
        d.partitions[0].start for d, v in zip(DISKS, VOLUMES, strict=True) if v.id == volume
    )
    line = ["losetup", "--find", "--show", "--offset", str(start), str(image)]
    device = commands.run(line, timeout=20).text.strip()
    place = folder / f"open-{volume}"
    place.mkdir(exist_ok=True)
    try:
        with mounted(device, place, kind=KINDS[volume], options=_own(volume)):
            yield place
    finally:
        commands.run(["losetup", "--detach", device], timeout=20)


def _own(volume: str) -> tuple[str, ...]:
    return ("nouuid",) if KINDS[volume] == "xfs" else ()


def a_copy_of(it: Proved, folder: Path) -> Proved:
    """The same with images and receipt of its own, to be spoiled."""
    folder.mkdir()
    receipts = folder / "receipts"
    shutil.copytree(it.receipt.parent, receipts)
    images = []
    for image in it.images:
        line = ["cp", "--sparse=always", str(image), str(folder / image.name)]
        SystemCommands().run(line, timeout=60)
        images.append(folder / image.name)
    return Proved(it.source, (images[0], images[1]), receipts / it.receipt.name)
