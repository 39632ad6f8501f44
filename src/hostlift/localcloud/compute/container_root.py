# SPDX-License-Identifier: Apache-2.0
"""The root file system of a process instance: a layer of its own over the host's.

Must run inside a mount namespace of its own. Of the block devices only those of the instance can be
used: the host's disks are covered by ``/dev/null``, so that a slip inside does no harm outside.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.mounts import mount, unmount


def build(folder: Path) -> Path:
    """Mount the root with its kernel file systems; returns where.

    Args:
        folder: Keeps what the instance writes, so that it survives stop and start.

    Raises:
        HostError: The kernel refused, for example because ``folder`` is on an overlay itself.
    """
    upper, work, root = (folder / name for name in ("upper", "work", "merged"))
    for directory in (upper, work, root):
        directory.mkdir(parents=True, exist_ok=True)
    layers = ("lowerdir=/", f"upperdir={_escaped(upper)}", f"workdir={_escaped(work)}")
    try:
        mount("overlay", root, kind="overlay", options=layers)
    except HostError as error:
        raise HostError(
            error.message,
            subject=error.subject,
            hint="Put the cloud's folder on ext4, xfs or tmpfs: overlayfs cannot write elsewhere.",
        ) from error
    _mount_kernel_file_systems(root)
    return root


def fill_dev(root: Path, disks: Sequence[tuple[str, str]]) -> None:
    """Leave only our block devices usable, and name them as udev does.

    Args:
        root: As built.
        disks: Serial and node name (``loop3``) of each.
    """
    own = {node for _, node in disks}
    for entry in os.scandir(root / "dev"):
        foreign = entry.name not in own and stat.S_ISBLK(entry.stat(follow_symlinks=False).st_mode)
        if foreign:
            mount(str(root / "dev/null"), Path(entry.path), kind="", options=("bind",))
    by_id = root / "dev/disk/by-id"
    by_id.parent.mkdir(exist_ok=True)
    mount("tmpfs", by_id.parent, kind="tmpfs", options=("nosuid", "noexec", "mode=755"))
    by_id.mkdir()
    for serial, node in disks:
        _link(root / "dev", serial).symlink_to(f"../../{node}")


def show_disk(dev: Path, serial: str, node: str) -> None:
    """Let a disk that came later be used, in the running instance."""
    unmount(dev / node)  # the cover of `fill_dev`, if the node was there by then
    link = _link(dev, serial)
    link.unlink(missing_ok=True)
    link.symlink_to(f"../../{node}")


def hide_disk(dev: Path, serial: str, node: str) -> None:
    """Take a disk from the running instance; the node may soon be another's."""
    _link(dev, serial).unlink(missing_ok=True)
    mount(str(dev / "null"), dev / node, kind="", options=("bind",))


def _link(dev: Path, serial: str) -> Path:
    # virtio-blk carries 20 letters; udev sees no more of a serial than that.
    return dev / "disk/by-id" / f"virtio-{serial[:20]}"


def enter(root: Path) -> None:
    """Make it the root of this process, and drop the host's."""
    os.chdir(root)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.pivot_root(b".", b".") != 0:
        reason = os.strerror(ctypes.get_errno())
        raise HostError(f"cannot change the root: {reason}", subject=str(root))
    unmount(Path("."), lazy=True)
    os.chdir("/")


def name_it(hostname: str) -> None:
    """Names as an instance has them; call it inside.

    The host's resolver cannot be reached from here, and a look-up that waits for it takes ten
    seconds (Python's own web server does one at its start): without one it fails at once.
    """
    Path("/etc/hostname").write_text(f"{hostname}\n")
    Path("/etc/hosts").write_text(f"127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n")
    resolver = Path("/etc/resolv.conf")
    resolver.unlink(missing_ok=True)  # often a link to somewhere below /run
    resolver.write_text("")


def _mount_kernel_file_systems(root: Path) -> None:
    mount("proc", root / "proc", kind="proc", options=("nosuid", "nodev", "noexec"))
    mount("sysfs", root / "sys", kind="sysfs", options=("nosuid", "nodev", "noexec"))
    # The kernel's own: partition nodes of loop devices appear in it by themselves.
    mount("devtmpfs", root / "dev", kind="devtmpfs", options=("nosuid",))
    for name in ("pts", "shm"):
        (root / "dev" / name).mkdir(exist_ok=True)
    mount(
        "devpts",
        root / "dev/pts",
        kind="devpts",
        options=("newinstance", "ptmxmode=0666", "mode=620"),
    )
    mount("tmpfs", root / "dev/shm", kind="tmpfs", options=("nosuid", "nodev", "mode=1777"))
    mount("tmpfs", root / "run", kind="tmpfs", options=("nosuid", "nodev", "mode=755"))
    mount("tmpfs", root / "tmp", kind="tmpfs", options=("nosuid", "nodev", "mode=1777"))
    (root / "run/lock").mkdir(mode=0o1777)


def _escaped(path: Path) -> str:
    """As overlayfs reads paths in its options."""
    text = str(path.resolve())
    for letter in ("\\", ",", ":"):
        text = text.replace(letter, "\\" + letter)
    return text
