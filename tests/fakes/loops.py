# SPDX-License-Identifier: Apache-2.0
"""Sparse files on loop devices, found by serial as the cloud's disks are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from hostlift.host.command import SystemCommands
from hostlift.host.mounts import private_namespace


@contextlib.contextmanager
def loop_disks(folder: Path, sizes: dict[str, int]) -> Iterator[Path]:
    """Disks by serial; yields a folder like /dev/disk/by-id. They are freed at the end.

    The calling thread gets a mount namespace of its own, so that no process started elsewhere
    meanwhile inherits what is mounted from them.
    """
    private_namespace()
    commands = SystemCommands()
    by_id = folder / "by-id"
    by_id.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        for serial, size in sizes.items():
            file = folder / f"{serial}.raw"
            with file.open("wb") as disk:
                disk.truncate(size)
            device = commands.run(
                ["losetup", "--find", "--show", str(file)], timeout=20
            ).text.strip()
            stack.callback(_free, commands, device)
            (by_id / f"virtio-{serial[:20]}").symlink_to(device)
        yield by_id


def _free(commands: SystemCommands, device: str) -> None:
    commands.run(["partx", "--delete", device], timeout=20, check=False)
    commands.run(["losetup", "--detach", device], timeout=20)
