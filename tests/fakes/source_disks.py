# SPDX-License-Identifier: Apache-2.0
"""The demo's source server as block devices of this machine, and an image's disks likewise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from hostlift.host.command import SystemCommands

_TIMEOUT = 300.0


@contextlib.contextmanager
def attached(image: Path, scratch: Path) -> Iterator[str]:
    """A disk image as a loop device with its partitions' nodes, for the length of the block."""
    run = SystemCommands().run
    raw = scratch / f"{image.stem}.raw"
    run(["qemu-img", "convert", "-O", "raw", str(image), str(raw)], timeout=_TIMEOUT)
    loop = run(["losetup", "-f", "--show", str(raw)], timeout=_TIMEOUT).text.strip()
    try:
        run(["partx", "-u", loop], timeout=_TIMEOUT)
        yield loop
    finally:
        run(["partx", "-d", loop], timeout=_TIMEOUT, check=False)
        run(["losetup", "-d", loop], timeout=_TIMEOUT)
        raw.unlink()
