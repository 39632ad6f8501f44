# SPDX-License-Identifier: Apache-2.0
"""The survey: everything later steps need to know of the source, found without changing it.

The source is the live system (root ``/``) or an offline one mounted somewhere (a rescue system).
/sys and /proc are asked first, programs only for what those do not know; what cannot be found out
is left empty and judged by the checks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hostlift.errors import HostError
from hostlift.inspect import (
    activity,
    btrfs,
    filesystems,
    mounts,
    network,
    stacks,
    system,
    workloads,
)
from hostlift.inspect import blocks as block_devices
from hostlift.inspect.blocks import Blocks, Signature
from hostlift.inspect.filesystems import StatVfs
from hostlift.inspect.guest import Guest
from hostlift.inspect.mentions import mentions
from hostlift.inspect.ties import ties
from hostlift.inspect.tools import BUDGET, Tools
from hostlift.model.machine import (
    Disk,
    FileSystem,
    Machine,
    Stacked,
    Subvolume,
    VolumeGroup,
    Workload,
)
from hostlift.ports.clock import Clock
from hostlift.ports.commands import Commands


@dataclass(frozen=True, slots=True)
class Host:
    """Where this machine's kernel speaks, and what only a system call tells."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    statvfs: StatVfs = os.statvfs
    uname: Callable[[], os.uname_result] = os.uname


THIS_HOST = Host()


@dataclass(frozen=True, slots=True)
class _Storage:
    disks: tuple[Disk, ...]
    file_systems: tuple[FileSystem, ...]
    swaps: tuple[FileSystem, ...]
    stacked: tuple[Stacked, ...]
    groups: tuple[VolumeGroup, ...]


def survey(root: Path, *, commands: Commands, clock: Clock, host: Host = THIS_HOST) -> Machine:
    """Describe the source whose root file system is at ``root``.

    Raises:
        HostError: ``root`` is not where a file system is mounted.
    """
    live = str(root) == "/"
    tools = Tools(commands, clock, clock.monotonic() + BUDGET)
    guest = Guest(root)
    storage = _storage(guest, host, tools, live=live)
    release = system.os_release(guest)
    loader, loader_version = system.loader(guest, tools, live=live)
    uname = host.uname()
    interfaces = network.interfaces(host.sys, tools) if live else ()
    return Machine(
        root=str(root),
        live=live,
        hostname=uname.nodename if live else guest.text("/etc/hostname").strip(),
        machine_id=guest.text("/etc/machine-id").strip(),
        architecture=uname.machine if live else system.architecture(guest),
        os_id=release.get("ID", "").lower(),
        os_like=tuple(release.get("ID_LIKE", "").lower().split()),
        os_version=release.get("VERSION_ID", ""),
        os_name=release.get("PRETTY_NAME") or release.get("NAME", ""),
        firmware=system.firmware(host.sys, storage.disks, live=live),
        cpus=_cpus(host),
        memory=_memory(host),
        disks=storage.disks,
        file_systems=storage.file_systems,
        swaps=storage.swaps,
        stacked=storage.stacked,
        groups=storage.groups,
        kernels=system.kernels(guest, uname.release if live else ""),
        interfaces=interfaces,
        mentions=mentions(guest, interfaces),
        workloads=_workloads(guest, host, clock, live=live),
        ties=ties(guest, host.proc, host.sys, live=live),
        listening=network.listening(host.proc) if live else (),
        selinux=system.selinux(guest, host.sys, live=live),
        secure_boot=system.secure_boot(host.sys) if live else "",
        loader=loader,
        loader_version=loader_version,
        startable=system.startable(guest, loader),
        virtualization=system.virtualization(host.sys, host.proc) if live else "",
    )


def _workloads(guest: Guest, host: Host, clock: Clock, *, live: bool) -> tuple[Workload, ...]:
    running = workloads.processes(host.proc) if live else ()
    found = workloads.detect(guest, running)
    return activity.measured(found, root=guest.root, proc=host.proc, clock=clock, live=live)


def _storage(guest: Guest, host: Host, tools: Tools, *, live: bool) -> _Storage:
    blocks = Blocks(host.sys)
    found = _mounts(guest, host, blocks)
    mounted = [_kernel_name(mount, blocks) for mount in found.values()]
    seen = stacks.stacked([*mounted, *(blocks.stacked() if live else ())], blocks)
    carrying = [disk for name in mounted for disk in blocks.disks_under(name)]
    names = dict.fromkeys([*carrying, *(blocks.physical() if live else ())])
    bare = [blocks.bare(n) for n in names]
    devices = {path: _device(mount, blocks) for path, mount in found.items()}
    nodes = [node for d in bare for node in (d.device, *(p.device for p in d.partitions))]
    above = [s.device for s in seen]
    signatures = block_devices.signatures([*nodes, *above, *devices.values()], tools)
    disks = tuple(block_devices.with_table(d, signatures.get(d.device, {}), tools) for d in bare)
    active = _read(host.proc / "swaps") if live else ""
    return _Storage(
        disks=disks,
        file_systems=_file_systems(guest, host, found, devices, signatures, tools),
        swaps=filesystems.swaps(disks, seen, signatures, active, blocks),
        stacked=stacks.with_identities(seen, signatures),
        groups=stacks.groups(signatures, blocks, guest, tools),
    )


def _file_systems(
    guest: Guest,
    host: Host,
    found: Mapping[str, mounts.Mount],
    devices: Mapping[str, str],
    signatures: Mapping[str, Signature],
    tools: Tools,
) -> tuple[FileSystem, ...]:
    prefix = str(guest.root).rstrip("/")
    described: list[FileSystem] = []
    trees: dict[str, tuple[Subvolume, ...]] = {}
    for path, mount in found.items():
        device = devices[path]
        at = Path(prefix + path) if path != "/" else guest.root
        fs = filesystems.describe(
            mount, device, signatures.get(device, {}), tools, host.statvfs, at
        )
        if mount.kind == "btrfs" and device not in trees:
            trees[device] = btrfs.subvolumes(at, tools)
        described.append(
            replace(
                fs,
                mount_point=path,
                subvolume=btrfs.mounted_subvolume(mount),
                subvolumes=trees.get(device, ()),
            )
        )
    return tuple(described)


def _mounts(guest: Guest, host: Host, blocks: Blocks) -> dict[str, mounts.Mount]:
    """Local mounts of the source; images that are files of the source itself left out."""
    table = mounts.parse(_read(host.proc / "self/mountinfo"))
    root = guest.root
    found = mounts.below(table, str(root))
    if str(root) != "/" and "/" not in found:
        raise HostError(
            "no local file system is mounted here",
            subject=str(root),
            hint="Mount the source's root file system at this directory, the others below it.",
        )

    def from_own_file(mount: mounts.Mount) -> bool:
        file = blocks.backing_file(_kernel_name(mount, blocks))
        return bool(file) and guest.exists(file)

    return {p: m for p, m in found.items() if p == "/" or not from_own_file(m)}


def _kernel_name(mount: mounts.Mount, blocks: Blocks) -> str:
    """A btrfs mount shows an anonymous device number; its source names the real one."""
    return blocks.name_of(mount.dev) or Path(os.path.realpath(mount.source)).name


def _device(mount: mounts.Mount, blocks: Blocks) -> str:
    name = _kernel_name(mount, blocks)
    return blocks.device(name) if name else mount.source


def _cpus(host: Host) -> int:
    lines = _read(host.proc / "cpuinfo").splitlines()
    return max(1, sum(line.startswith("processor") for line in lines))


def _memory(host: Host) -> int:
    for line in _read(host.proc / "meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
