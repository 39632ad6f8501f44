# SPDX-License-Identifier: Apache-2.0
"""The demo's source server as block devices of this machine, and an image's disks likewise."""

from __future__ import annotations

import contextlib
import os
import stat
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
        _mend_nodes(loop)
        yield loop
    finally:
        run(["partx", "-d", loop], timeout=_TIMEOUT, check=False)
        run(["losetup", "-d", loop], timeout=_TIMEOUT)
        raw.unlink()


def _mend_nodes(loop: str) -> None:
    """Without udev nothing removes a node that somebody made by hand for an earlier loop device."""
    for known in Path("/sys/class/block").glob(f"{Path(loop).name}p*/dev"):
        major, minor = (int(n) for n in known.read_text().split(":"))
        node = Path("/dev") / known.parent.name
        if node.exists() and node.stat().st_rdev == os.makedev(major, minor):
            continue
        node.unlink(missing_ok=True)
        os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(major, minor))
