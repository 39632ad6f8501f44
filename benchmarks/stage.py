# SPDX-License-Identifier: Apache-2.0
"""A workload's source and a target for it, mounted, and a scratch folder beside them."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.disks import Disks
from benchmarks.tools import Scene
from benchmarks.workloads import Recipe, source_image
from hostlift.errors import HostError
from hostlift.host.command import SystemCommands
from hostlift.host.files import remove_tree

_EQUAL_SECONDS = 7200.0
_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Stage:
    """The file systems of one workload; the source is mounted, the target on demand.

    Attributes:
        used: Every block of a target image is written before it is first used. Costs time, and
            makes the image as quick as a disk that is in use.
    """

    scene: Scene
    disks: Disks
    work: Recipe
    used: bool = True

    @contextlib.contextmanager
    def fresh(self) -> Iterator[None]:
        """An empty target for the length of the block."""
        self.disks.make_ext4(self._image(), self.work.size)
        with self.kept():
            yield

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """The target as it was left, for the length of the block."""
        with self.disks.mounted(self._image(), self.scene.target):
            yield

    def discard(self) -> None:
        """Give the target's space back."""
        self._image().unlink()

    def _image(self) -> Path:
        return self.disks.image(f"target-{self.work.name}", self.work.size, written=self.used)


@contextlib.contextmanager
def stage(scratch: Path, work: Recipe, *, used: bool = True) -> Iterator[Stage]:
    """Set up a workload; call `disks.alone` once before. Only images are left afterwards."""
    disks = Disks(scratch)
    folder = scratch / f"run-{os.getpid()}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    scene = Scene(folder / "source", folder / "target", folder / "work")
    scene.work.mkdir()
    try:
        with disks.mounted(source_image(work, disks), scene.source):
            yield Stage(scene, disks, work, used)
    finally:
        remove_tree(folder)


def equal(scene: Scene, *, content: bool = True) -> bool:
    """True when rsync finds nothing to do; with ``content`` it reads everything.

    Raises:
        HostError: It does; the message has the first differences.
    """
    argv = ["rsync", "-aHAXSn", "--delete", "-i", "--numeric-ids"]
    argv += ["--checksum"] if content else []
    argv += [f"{scene.source}/", f"{scene.target}/"]
    lines = SystemCommands().run(argv, timeout=_EQUAL_SECONDS).text
    if lines:
        raise HostError(f"differs from the source:\n{lines[:_SHOWN]}", subject="target")
    return True
