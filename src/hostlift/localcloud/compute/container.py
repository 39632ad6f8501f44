# SPDX-License-Identifier: Apache-2.0
"""Process 1 of an instance of the process kind.

Started by `process.ProcessCompute` in new mount, pid, uts and ipc namespaces. It builds the root,
attaches the disks, runs what the instance should run, reaps, and on SIGTERM ends everything. Its
death, however it comes, ends every process inside and frees the disks.

On SIGHUP it attaches and detaches what its specification says by then. User data runs once per instance; executables in ``/etc/hostlift/boot.d`` run at every start, which
is where a service puts itself on a machine without systemd.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.command import spawn
from hostlift.localcloud.compute import container_root
from hostlift.localcloud.compute.container_disks import Drives
from hostlift.localcloud.linux import namespaces
from hostlift.localcloud.linux.processes import Mark

FILE = "machine.json"
"""What the instance is, in its folder; read again on SIGHUP."""
DISKS = "disks"
"""Serials of the disks it has, a line each; written by init."""
_BOOT_SCRIPTS = Path("/etc/hostlift/boot.d")
_USER_DATA = Path("/var/lib/hostlift-instance/user-data")
_GRACE = 5.0
_POLL = 0.05
_STDOUT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What the instance is; written by `process`."""

    folder: Path
    instance: str
    hostname: str
    network: Path
    pool: Path
    disks: tuple[tuple[str, str], ...]

    @classmethod
    def load(cls, file: Path) -> Specification:
        """From its JSON file, in the instance's folder."""
        raw = json.loads(file.read_text())
        return cls(
            folder=file.parent,
            instance=str(raw["instance"]),
            hostname=str(raw["hostname"]),
            network=Path(raw["network"]),
            pool=Path(raw["pool"]),
            disks=tuple((Path(d["file"]).name, str(d["serial"])) for d in raw["disks"]),
        )


@dataclass(frozen=True, slots=True)
class Instance:
    """What init holds while the instance runs: its folder, which no path leads to, and its disks."""

    folder: int
    drives: Drives

    def follow(self) -> None:
        """Attach and detach what the specification says now, and tell."""
        here = Path(f"/proc/self/fd/{self.folder}")
        try:
            self.drives.follow(Specification.load(here / FILE).disks)
        except (HostError, OSError) as error:
            _say(f"cannot change the disks: {error}")
        self.tell()

    def tell(self) -> None:
        """Write down which disks it has."""
        _write_at(self.folder, DISKS, "\n".join(self.drives.serials))


def main(argv: list[str]) -> int:
    """Be process 1 until SIGTERM."""
    specification = Specification.load(Path(argv[1]))
    waker, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    terminated, changed = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    signal.signal(signal.SIGHUP, lambda *_: changed.set())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        instance, user_data = _set_up(specification)
    except (HostError, OSError) as error:
        _say(f"cannot set up the instance: {error}")
        return 1
    _say(f"{specification.instance} starts as {specification.hostname}")
    _run_all(user_data)
    while not terminated.is_set():
        _reap()
        if changed.is_set():
            changed.clear()
            instance.follow()
        select.select([waker], [], [], 5.0)
        _drain(waker)
    _end_all()
    _say(f"{specification.instance} is down")
    return 0


def _set_up(specification: Specification) -> tuple[Instance, bytes]:
    """Everything up to the mark, which says that the instance runs; also returns user data to run."""
    folder = os.open(specification.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    # /proc still shows the host's processes: the only place to learn our number there.
    mark = Mark.of(int(Path("/proc/self").readlink().name))
    _set_hostname(specification.hostname)
    namespaces.enter(specification.network)
    root = container_root.build(specification.folder / "root")
    instance = Instance(folder, Drives(specification.pool, root))
    for name, serial in specification.disks:
        instance.drives.attach(name, serial)
    container_root.fill_dev(root, instance.drives.nodes)
    user_data = _first_start(specification.folder)
    container_root.enter(root)
    container_root.name_it(specification.hostname)
    instance.tell()
    _write_at(folder, "process.json", mark.dump())
    return instance, user_data


def _first_start(folder: Path) -> bytes:
    """User data at the first start, nothing later: noted before it runs, as cloud-init does."""
    done = folder / "user-data.ran"
    if done.exists():
        return b""
    done.touch()
    return (folder / "user-data").read_bytes()


def _run_all(user_data: bytes) -> None:
    scripts = sorted(_BOOT_SCRIPTS.iterdir()) if _BOOT_SCRIPTS.is_dir() else []
    if user_data:
        _USER_DATA.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _USER_DATA.touch(mode=0o700)
        _USER_DATA.write_bytes(user_data)
        scripts.append(_USER_DATA)
    for script in scripts:
        if not os.access(script, os.X_OK) or not script.is_file():
            continue
        try:
            spawn([str(script)], stdout=_STDOUT)
        except OSError as error:
            _say(f"cannot run {script}: {error.strerror}")


def _reap() -> bool:
    """Take the status of everything that ended; False when nothing is left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def _end_all() -> None:
    """Ask every process to end, then insist."""
    pause = threading.Event()
    for number, seconds in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        try:
            os.kill(-1, number)
        except ProcessLookupError:
            break
        for _ in range(int(seconds / _POLL)):
            if not _reap():
                break
            pause.wait(_POLL)


def _drain(waker: int) -> None:
    try:
        os.read(waker, 4096)
    except BlockingIOError:
        return


def _set_hostname(name: str) -> None:
    raw = name.encode()
    if ctypes.CDLL(None, use_errno=True).sethostname(raw, len(raw)) != 0:
        raise HostError(
            f"cannot set the host name: {os.strerror(ctypes.get_errno())}", subject=name
        )


def _write_at(folder: int, name: str, text: str) -> None:
    """Whole or not at all, in a directory that can no longer be named."""
    new = f"{name}.new"
    fd = os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)


def _say(text: str) -> None:
    os.write(_STDOUT, f"[instance] {text}\n".encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv))
