# SPDX-License-Identifier: Apache-2.0
"""An instance as on ECS: virtio disks with serials, one virtio card with DHCP, a serial console."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from hostlift.host.command import end_group, spawn

_OVMF = Path("/usr/share/OVMF")
_PANIC = re.compile(
    r"Kernel panic|end Kernel panic|ALERT!.*does not exist|grub rescue>|emergency mode"
)


class Instance:
    """A started machine and what its console said."""

    def __init__(self, console: Path) -> None:
        self.console = console
        self._started = time.monotonic()

    def text(self) -> str:
        """Everything so far."""
        return self.console.read_text("utf-8", "replace") if self.console.exists() else ""

    def wait_for(self, words: str, deadline: float) -> float:
        """Seconds until the console said ``words``; ends at once when it cannot any more."""
        while words not in self.text():
            waited = time.monotonic() - self._started
            if waited > deadline or _PANIC.search(self.text()):
                raise AssertionError(f"{words!r} not after {waited:.0f} s:\n{self.text()[-4000:]}")
            Event().wait(0.2)
        return time.monotonic() - self._started


@contextlib.contextmanager
def started(disks: list[Path], firmware: str, folder: Path) -> Iterator[Instance]:
    """The instance, for the length of the block."""
    console = folder / "console.log"
    argv = [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=128", "-cpu", "Nehalem"),
        *("-smp", "2", "-m", "768", "-device", "virtio-rng-pci", "-no-reboot"),
        *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
        *("-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile="),
    ]
    for index, disk in enumerate(disks):
        drive = f"file={disk},if=none,id=disk{index},format=raw,cache=unsafe"
        argv += ["-drive", drive, "-device", f"virtio-blk-pci,drive=disk{index},serial=d-{index}"]
    if firmware == "uefi":
        variables = folder / "variables.fd"  # nothing remembered from an earlier start
        shutil.copy(_OVMF / "OVMF_VARS_4M.fd", variables)
        code = f"if=pflash,format=raw,readonly=on,file={_OVMF / 'OVMF_CODE_4M.fd'}"
        argv += ["-drive", code, "-drive", f"if=pflash,format=raw,file={variables}"]
    process = spawn(["setpriv", "--pdeathsig", "KILL", "--", *argv])
    try:
        yield Instance(console)
    finally:
        end_group(process)
