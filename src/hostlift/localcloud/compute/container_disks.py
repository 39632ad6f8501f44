# SPDX-License-Identifier: Apache-2.0
"""The disks of a process instance, as its init holds them: each a loop device with an open descriptor.

They end with init, however it ends. They come and go while it runs: by then the host's files and
device nodes have no path any more, so init keeps descriptors of both folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hostlift.host.mounts import mount, unmount
from hostlift.localcloud.compute import container_root
from hostlift.localcloud.linux import loops


class Drives:
    """What hangs on the instance.

    Args:
        pool: The folder of the disk files.
        root: Of the instance, as `container_root.build` made it.
    """

    def __init__(self, pool: Path, root: Path) -> None:
        self._pool = os.open(pool, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._devices = _open_devices(root)
        self._held: dict[str, tuple[int, str]] = {}

    @property
    def serials(self) -> tuple[str, ...]:
        """Of all disks."""
        return tuple(self._held)

    @property
    def nodes(self) -> list[tuple[str, str]]:
        """Serial and node name (``loop3``) of each."""
        return [(serial, node) for serial, (_, node) in self._held.items()]

    def attach(self, name: str, serial: str) -> str:
        """Take a disk by the name of its file; returns the name of its node.

        Raises:
            HostError: No loop device is to be had, or there is no such file.
        """
        # Under this name, as the instance's own /dev hides devices that are not its own.
        here = Path(f"/proc/self/fd/{self._devices}")
        held, node = loops.attach(Path(name), here, within=self._pool)
        self._held[serial] = held, node.name
        return node.name

    def follow(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Have exactly these disks, file name and serial, inside the running instance."""
        names = {serial: name for name, serial in wanted}
        for serial in self._held.keys() - names.keys():
            held, node = self._held.pop(serial)
            container_root.hide_disk(Path("/dev"), serial, node)
            os.close(held)
        for serial, name in names.items():
            if serial not in self._held:
                container_root.show_disk(Path("/dev"), serial, self.attach(name, serial))


def _open_devices(root: Path) -> int:
    """A descriptor of all the kernel's device nodes, which nothing inside can reach."""
    place = root / "tmp"
    mount("devtmpfs", place, kind="devtmpfs", options=("nosuid",))
    try:
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        unmount(place, lazy=True)
