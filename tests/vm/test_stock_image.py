# SPDX-License-Identifier: Apache-2.0
"""The public image under QEMU, without the rest of the embedded cloud."""

from __future__ import annotations

import gzip
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from hostlift.host.command import SystemCommands, end_group, spawn
from hostlift.localcloud.images import stock

pytestmark = pytest.mark.vm

DEADLINE = 180.0
# Each connection of the guest to 100.100.100.200:80 runs this: HTTP from a folder.
SERVICE = """#!/bin/sh
read -r _ path _
while read -r line; do [ "${#line}" -gt 1 ] || break; done
file=FOLDER/$(echo "${path#/latest/}" | tr / _)
if [ -e "$file" ]; then
    printf 'HTTP/1.1 200 OK\\r\\nContent-Length: %s\\r\\n\\r\\n' "$(stat -c %s "$file")"
    cat "$file"
else
    printf 'HTTP/1.1 404 Not Found\\r\\nContent-Length: 0\\r\\n\\r\\n'
fi
"""


class Guest:
    """A machine started from the public image, and what its console said."""

    def __init__(self, console: Path) -> None:
        self.console = console
        self.started = time.monotonic()

    def said(self, words: str) -> float:
        """Seconds until the console said it."""
        while words not in self.text():
            if time.monotonic() - self.started > DEADLINE:
                raise AssertionError(f"{words!r} not on the console:\n{self.text()[-3000:]}")
            Event().wait(0.1)
        return time.monotonic() - self.started

    def text(self) -> str:
        return self.console.read_text("utf-8", "replace") if self.console.exists() else ""


@contextmanager
def guest(tmp: Path, user_data: bytes, *, direct: bool = True, append: str = "") -> Iterator[Guest]:
    image = stock.image()
    disk = tmp / "disk.qcow2"
    if not disk.exists():
        SystemCommands().run(
            [
                "qemu-img",
                "create",
                "-q",
                "-f",
                "qcow2",
                "-F",
                "qcow2",
                "-b",
                str(image.disk),
                str(disk),
            ],
            timeout=30,
        )
    items = tmp / "items"
    items.mkdir(exist_ok=True)
    (items / "meta-data_instance-id").write_text("i-test")
    (items / "user-data").write_bytes(user_data)
    service = tmp / "service"
    service.write_text(SERVICE.replace("FOLDER", str(items)))
    service.chmod(service.stat().st_mode | stat.S_IXUSR)
    console = tmp / f"console-{time.monotonic_ns()}"
    start = (
        "-kernel",
        str(image.kernel),
        "-initrd",
        str(image.initrd),
        "-append",
        f"{image.append} {append}",
    )
    network = (
        "user,id=n0,net=100.100.100.0/24,dhcpstart=100.100.100.15,restrict=on,"
        f"guestfwd=tcp:100.100.100.200:80-cmd:{service}"
    )
    process = spawn(
        [
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
            *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=128", "-cpu", "Westmere"),
            *("-smp", "2", "-m", "512", "-serial", f"file:{console}", "-device", "virtio-rng-pci"),
            *("-drive", f"file={disk},if=none,id=d0,format=qcow2,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=d0,serial=d-test"),
            "-netdev",
            network,
            *("-device", "virtio-net-pci,netdev=n0,romfile="),
            *(start if direct else ()),
        ]
    )
    try:
        yield Guest(console)
    finally:
        end_group(process)


def test_a_direct_start_runs_compressed_user_data_and_only_once(tmp_path: Path) -> None:
    """User data runs on the first start, with disks found by serial, and not on the second."""
    script = (
        b"#!/bin/sh\nls /dev/disk/by-id/virtio-d-test && echo by-id: $?\n"
        b"python3 -c 'print(6 * 7)'\necho user data ended\n"
    )
    with guest(tmp_path, gzip.compress(script)) as first:
        first.said("user data ended")
        assert "by-id: 0" in first.text()
        assert "42" in first.text()
    with guest(tmp_path, script) as second:
        second.said("user-data: ran before on i-test")
        assert "user data ended" not in second.text()


def test_it_boots_by_its_own_boot_loader(tmp_path: Path) -> None:
    """Firmware, GRUB in the master boot record, kernel, user data."""
    with guest(tmp_path, b"#!/bin/sh\necho user data ended\n", direct=False) as machine:
        machine.said("user data ended")
