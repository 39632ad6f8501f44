# SPDX-License-Identifier: Apache-2.0
"""A server whose root is in LVM, as installers of Red Hat and Ubuntu make it, on the internet of the
embedded cloud: another machine than ECS, with a SCSI disk and no serial console in its menu.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from boot import trees
from boot.systems import SWAP, Part, System, group_of
from boot.target import build

from demo.server import SOURCE, Shell
from demo.source.machine import running
from demo.waiting import wait_until
from hostlift.host.command import SystemCommands
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.model.machine import TableKind

_BOOT_LIMIT = 600.0
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
_LVM_SOURCE = System(
    name="lvm-source",
    tree=trees.LVM_SERVER,
    table=TableKind.MBR,
    disks=(
        (
            group_of(
                Part("/", 2400, name="root"),
                Part("/home", 100, name="home-dir"),
                replace(SWAP, name="swap_1"),
            ),
        ),
    ),
    keeps=SOURCE,
)


@contextlib.contextmanager
def lvm_server(fabric: NamespaceFabric, visitor: str, folder: Path) -> Iterator[Shell]:
    """The server, up for the length of the block.

    Args:
        visitor: Namespace of the host we look at it from.
    """
    keys = {name: _key(folder / name) for name in ("id_ed25519", "host_key")}
    known = folder / "known_hosts"
    known.write_text(f"{SOURCE} {keys['host_key'].with_suffix('.pub').read_text()}")
    (disk,), _ = build(replace(_LVM_SOURCE, before=_with_keys(keys)), folder / "source")
    tap = fabric.open_internet_tap("server01")
    try:
        with running(_line(disk, tap), folder / "source-qemu.log", fds=(tap,)) as process:
            shell = Shell(visitor, SOURCE, keys["id_ed25519"], known)

            def ready() -> bool:
                if process.poll() is not None:
                    raise RuntimeError((folder / "source-qemu.log").read_text())
                return shell.answers()

            wait_until(ready, _BOOT_LIMIT, "the source server")
            yield shell
    finally:
        os.close(tap)


def _key(file: Path) -> Path:
    line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)]
    SystemCommands().run(line, timeout=60)
    return file


def _with_keys(keys: dict[str, Path]) -> str:
    public = keys["id_ed25519"].with_suffix(".pub").read_text().strip()
    private = keys["host_key"].read_text()
    return (
        f"mkdir -p -m 700 /root/.ssh; echo {shlex.quote(public)} >/root/.ssh/authorized_keys;"
        " rm -f /etc/ssh/ssh_host_*; umask 077;"
        f" printf %s {shlex.quote(private)} >{_HOST_KEY}"
    )


def _line(disk: Path, tap: int) -> tuple[str, ...]:
    return (
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Westmere"),
        *("-smp", "2", "-m", "1024", "-device", "virtio-rng-pci", "-device", "VGA,vgamem_mb=8"),
        *("-serial", f"file:{disk}.console", "-device", "virtio-scsi-pci,id=scsi"),
        *("-drive", f"file={disk},if=none,id=system,format=raw,cache=unsafe"),
        *("-device", "scsi-hd,drive=system,bus=scsi.0,scsi-id=0,bootindex=1"),
        *("-netdev", f"tap,id=net,fd={tap}"),
        *("-device", "virtio-net-pci,netdev=net,mac=52:54:00:c6:33:0b,romfile="),
    )
