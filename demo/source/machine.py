# SPDX-License-Identifier: Apache-2.0
"""The source server as a virtual machine: a SCSI host with a screen and no serial console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from hostlift.host.command import end_group, spawn


@contextmanager
def running(argv: tuple[str, ...], log: Path, fds: tuple[int, ...] = ()) -> Iterator[Popen[bytes]]:
    """A process for the length of the block; ``log`` gets what it says."""
    with log.open("wb") as output:
        # Even a killed demo leaves no machine behind.
        line = ("setpriv", "--pdeathsig", "KILL", "--", *argv)
        process = spawn(line, stdout=output.fileno(), pass_fds=fds)
    try:
        yield process
    finally:
        end_group(process)


def command_line(system: Path, data: Path) -> tuple[str, ...]:
    """QEMU's command line for the server, without a network card."""
    return (
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Westmere"),
        *("-smp", "2", "-m", "1024", "-device", "virtio-rng-pci,addr=2"),
        *("-device", "VGA,addr=5,vgamem_mb=8"),
        *("-device", "virtio-scsi-pci,id=scsi,addr=3"),
        *("-drive", f"file={system},if=none,id=system,format=qcow2,cache=unsafe"),
        *("-device", "scsi-hd,drive=system,bus=scsi.0,scsi-id=0,bootindex=1"),
        *("-drive", f"file={data},if=none,id=data,format=qcow2,cache=unsafe"),
        *("-device", "scsi-hd,drive=data,bus=scsi.0,scsi-id=1"),
    )
