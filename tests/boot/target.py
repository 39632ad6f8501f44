# SPDX-License-Identifier: Apache-2.0
"""The target's disks as the agent would leave them: made, filled, adapted, written out.

This kernel may have no vfat: the EFI partition's files are a folder of the root while the copy is
adapted, and are written to the partition by mtools afterwards.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from boot import trees
from boot.systems import System, order_of
from fakes.loops import loop_disks

from hostlift.adapt.linux.run import adapt
from hostlift.host.areas import area_node, make_area, make_groups
from hostlift.host.chroot import prepared
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.disks import make_table, node_of
from hostlift.host.mounts import mounted
from hostlift.host.tree import RootTree
from hostlift.model.adaptation import AdaptOrder, AdaptReport
from hostlift.model.plan import Content

MACHINES = Path(__file__).parent / "machines"
_GIB = 1 << 30
_COPY_TIMEOUT = 600.0


def build(system: System, folder: Path) -> tuple[list[Path], AdaptReport]:
    """The disks' files, ready to boot, and what the adaptation did."""
    order, commands = order_of(system), SystemCommands()
    sizes = {order.serials[d.index]: d.size_gib * _GIB for d in order.disks}
    with loop_disks(folder, sizes) as by_id:
        devices = {
            d.index: str((by_id / f"virtio-{order.serials[d.index]}").resolve())
            for d in order.disks
        }
        for disk in order.disks:
            device = devices[disk.index]
            make_table(device, disk, commands=commands, clock=SystemClock())
            for partition in disk.partitions:
                for area in partition.areas:
                    make_area(device, area, folder / "making", commands=commands)
        make_groups(order.disks, devices, host="test", time=1_700_000_000)
        with assembled(order, devices, folder / "root") as root:
            _copy(system, root, commands)
            report = adapt(
                order,
                tree=RootTree(root),
                root=root,
                commands=commands,
                devices=devices,
                ledger=folder / "ledger",
            )
            _write_esp(order, devices, root, commands)
    return [folder / f"{order.serials[d.index]}.raw" for d in order.disks], report


@contextlib.contextmanager
def assembled(order: AdaptOrder, devices: dict[int, str], root: Path) -> Iterator[Path]:
    """All volumes in their places below ``root``."""
    volumes = sorted(order.volumes, key=lambda v: len(Path(v.mount_point).parts))
    with contextlib.ExitStack() as stack:
        for volume in volumes:
            place = root / volume.mount_point.lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            disk = next(d for d in order.disks if d.index == volume.disk)
            area = disk.area(volume)
            options = (f"subvol=/{volume.subvolume}",) if area.subvolumes else ()
            with area_node(devices[disk.index], area, commands=SystemCommands()) as node:
                stack.enter_context(mounted(node, place, kind=volume.file_system, options=options))
        yield root


def _copy(system: System, root: Path, commands: SystemCommands) -> None:
    """The tree, then the machine's own files, then what its administrator did last."""
    tree = trees.built(system.tree)
    commands.run(["cp", "-a", f"{tree}/.", str(root)], timeout=_COPY_TIMEOUT)
    own = MACHINES / system.name
    commands.run(["cp", "-dR", "--preserve=mode", f"{own}/.", str(root)], timeout=60)
    # Not this machine's: the tree was made with them.
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text("nameserver 192.168.1.53\n")
    script = root / "prepare"
    if script.exists():
        _in_chroot(root, ["/bin/sh", "/prepare"], commands)
        script.unlink()
    if system.before:
        _in_chroot(root, ["/bin/sh", "-ec", system.before], commands)


def _in_chroot(root: Path, argv: list[str], commands: SystemCommands) -> None:
    with prepared(root, commands, nodes=[], links={}) as guest:
        guest.run(argv, timeout=_COPY_TIMEOUT)


def _write_esp(
    order: AdaptOrder, devices: dict[int, str], root: Path, commands: SystemCommands
) -> None:
    for disk in order.disks:
        for partition in disk.partitions:
            if partition.content is Content.ESP:
                place = root / partition.mount_point.lstrip("/")
                node = node_of(devices[disk.index], partition)
                files = [str(path) for path in sorted(place.iterdir())]
                commands.run(["mcopy", "-s", "-Q", "-i", node, *files, "::/"], timeout=60)
                shutil.rmtree(place)
                place.mkdir()
