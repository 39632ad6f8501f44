# SPDX-License-Identifier: Apache-2.0
"""A /sys and /proc as the kernel lays them out, below a temporary folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from hostlift.inspect.survey import Host

GIB = 1 << 30


@dataclass
class FakeKernel:
    """Files that a kernel would show; `host` is what the survey takes."""

    folder: Path
    mounts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.put("proc/self/mountinfo", "")
        self.put("proc/cpuinfo", "processor\t: 0\nmodel name\t: x\nprocessor\t: 1\n")
        self.put("proc/meminfo", "MemTotal:        2048000 kB\nMemFree: 1 kB\n")
        self.put("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
        (self.folder / "sys").mkdir(exist_ok=True)

    def put(self, path: str, text: str) -> None:
        """Write a file and its folders."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def disk(self, name: str, dev: str, size: int, **attributes: str) -> None:
        """A whole disk, with sysfs attributes by name (``__`` for a slash)."""
        self._device(f"devices/virtual/block/{name}", dev, size, attributes)
        self._link(f"block/{name}", f"devices/virtual/block/{name}")

    def partition(self, disk: str, name: str, dev: str, start: int, size: int) -> None:
        """A partition of a disk made before."""
        number = name.removeprefix(disk).removeprefix("p")
        values = {"partition": number, "start": str(start // 512)}
        self._device(f"devices/virtual/block/{disk}/{name}", dev, size, values)

    def slave(self, device: str, name: str) -> None:
        """Say that ``device`` is stacked on ``name``."""
        folder = self.folder / f"sys/devices/virtual/block/{device}/slaves"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(self.folder / "sys/class/block" / name)

    def mount(self, dev: str, point: str, kind: str, source: str, *, inner: str = "/") -> None:
        """Add a line to mountinfo."""
        self.mounts.append(f"1 0 {dev} {inner} {point} rw,relatime - {kind} {source} rw,data=x")
        self.put("proc/self/mountinfo", "\n".join(self.mounts) + "\n")

    def process(self, pid: int, name: str, cwd: str = "/") -> None:
        """A running process."""
        self.put(f"proc/{pid}/comm", name + "\n")
        (self.folder / f"proc/{pid}/cwd").symlink_to(cwd)

    @property
    def host(self) -> Host:
        """What the survey takes in place of the real kernel."""
        return Host(
            proc=self.folder / "proc",
            sys=self.folder / "sys",
            statvfs=_statvfs,
            uname=lambda: os.uname_result(("Linux", "web01", "6.1.0-18-amd64", "#1", "x86_64")),
        )

    def _device(self, path: str, dev: str, size: int, attributes: dict[str, str]) -> None:
        self.put(f"sys/{path}/size", f"{size // 512}\n")
        for key, value in attributes.items():
            self.put(f"sys/{path}/{key.replace('__', '/')}", value + "\n")
        name = path.rpartition("/")[2]
        self._link(f"class/block/{name}", path)
        self._link(f"dev/block/{dev}", path)

    def _link(self, link: str, target: str) -> None:
        file = self.folder / "sys" / link
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(self.folder / "sys" / target)


def _statvfs(_path: Path) -> os.statvfs_result:
    """10 GiB with 4 GiB used, 1000 inodes with 300 used."""
    blocks, free = 10 * GIB // 4096, 6 * GIB // 4096
    return os.statvfs_result((4096, 4096, blocks, free, free, 1000, 700, 700, 0, 255))
