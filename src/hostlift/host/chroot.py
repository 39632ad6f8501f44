# SPDX-License-Identifier: Apache-2.0
"""Running a guest's own tools inside its tree, on a kernel and with devices that are ours.

Promises: the guest sees a ``/dev`` with the usual nodes and the target's disks only, a private
``/run`` and ``/tmp``, no service manager; nothing of this stays in the tree, however the block ends.
No package manager is run in here and ``/run`` is empty, so nothing can start a service; that is why
no ``policy-rc.d``, which a crash would leave behind, is put in place.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hostlift.host.beneath import open_folder
from hostlift.host.mounts import mounted
from hostlift.ports.commands import Commands, Completed

ENVIRONMENT = {
    "LC_ALL": "C",
    "SYSTEMD_OFFLINE": "1",
    "SYSTEMD_IGNORE_CHROOT": "0",
    "DEBIAN_FRONTEND": "noninteractive",
    "TMPDIR": "/tmp",  # noqa: S108 - a private one of the chroot
}
_CHARACTER_NODES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}


class Chroot:
    """A prepared tree; made by `prepared`."""

    def __init__(self, root: Path, commands: Commands) -> None:
        self._root = root
        self._commands = commands

    def run(self, argv: list[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        """Run a program of the guest.

        Raises:
            CommandFailed: It failed, is missing, or ran into the timeout.
        """
        return self._commands.run(
            argv, timeout=timeout, stdin=stdin, env=ENVIRONMENT, root=self._root
        )


@contextlib.contextmanager
def prepared(
    root: Path, commands: Commands, *, nodes: Iterable[str], links: Mapping[str, Path]
) -> Iterator[Chroot]:
    """Make ``root`` fit for the guest's tools for the length of the block.

    Args:
        root: The guest's assembled tree, itself a mount point.
        commands: Runs the tools.
        nodes: Block devices the guest may see, under the names they have here.
        links: What udev would make below ``/dev``: ``disk/by-uuid/…``, ``mapper/…``.

    Raises:
        HostError: The kernel refused a mount.
    """
    with contextlib.ExitStack() as stack:
        for name, kind, options in (
            ("dev", "tmpfs", ("nosuid", "noexec", "mode=0755", "size=1m")),
            ("proc", "proc", ("nosuid", "nodev", "noexec")),
            ("sys", "sysfs", ("ro", "nosuid", "nodev", "noexec")),
            ("run", "tmpfs", ("nosuid", "nodev", "mode=0755")),
            ("tmp", "tmpfs", ("nosuid", "nodev", "mode=1777")),
        ):
            place = _folder(root, name)
            if place is not None:
                stack.enter_context(mounted(kind, place, kind=kind, options=options))
        _fill_dev(root / "dev", nodes, links)
        yield Chroot(root, commands)


def _folder(root: Path, name: str) -> Path | None:
    """The real place of a folder of the guest, which may be a link; None when it has none."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folder = open_folder(descriptor, name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    finally:
        os.close(descriptor)
    try:
        return Path(os.readlink(f"/proc/self/fd/{folder}"))
    finally:
        os.close(folder)


def _fill_dev(dev: Path, nodes: Iterable[str], links: Mapping[str, Path]) -> None:
    if not os.path.ismount(dev):
        return
    for name, (major, minor) in _CHARACTER_NODES.items():
        os.mknod(dev / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
    for name, target in _LINKS.items():
        os.symlink(target, dev / name)
    for folder in ("disk/by-uuid", "pts", "shm", "mapper"):
        (dev / folder).mkdir(parents=True)
    for node in nodes:
        _copy_node(dev, node)
    for name, node_path in links.items():
        if node_path.is_block_device():
            os.symlink(node_path, dev / name)


def _copy_node(dev: Path, node: str) -> None:
    if Path(node).is_block_device():
        place = dev / Path(node).relative_to("/dev")
        place.parent.mkdir(parents=True, exist_ok=True)
        os.mknod(place, stat.S_IFBLK | 0o600, os.stat(node).st_rdev)
