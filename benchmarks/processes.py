# SPDX-License-Identifier: Apache-2.0
"""Starts what is measured, and says what it cost.

Processor time is that of a process and of all descendants that were waited for, as the kernel
counts it for wait4(2): work done by kernel threads (write-back, loop devices) is in nobody's sum.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import CommandFailed
from hostlift.host.command import environment

_TAIL = 2000
_LEFT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Spent:
    """One finished process: seconds of wall time, seconds of processor time, what it printed."""

    wall: float
    cpu: float
    output: str


def measured(
    argv: Sequence[str], *, log: Path, timeout: float, env: Mapping[str, str] | None = None
) -> Spent:
    """Run a command from start to exit; its output goes to ``log``.

    Raises:
        CommandFailed: It ended badly, or still ran after ``timeout`` seconds.
    """
    with log.open("wb") as out:
        started = time.monotonic()
        process = started_process(argv, stdin=subprocess.DEVNULL, stdout=out.fileno(), env=env)
        timer = threading.Timer(timeout, _kill, (process.pid,))
        timer.start()
        try:
            status, cpu = reaped(process)
        except BaseException:
            _kill(process.pid)
            reaped(process)
            raise
        finally:
            timer.cancel()
        wall = time.monotonic() - started
    text = log.read_text(encoding="utf-8", errors="replace")
    if status != 0:
        raise CommandFailed(tuple(argv), status, text[-_TAIL:])
    return Spent(wall, cpu, text)


def started_process(
    argv: Sequence[str],
    *,
    stdin: int,
    stdout: int,
    stderr: int = subprocess.STDOUT,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A process in a session of its own, with the environment of `hostlift.host.command`."""
    return subprocess.Popen(
        list(argv),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environment(env),
        start_new_session=True,
    )


def reaped(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Wait for a process; its exit status and the processor seconds of it and its descendants."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


class Inetd:
    """A loopback port; each connection to it becomes the standard input and output of a process.

    That is how both sshd and the rsync daemon can be run without staying resident, and how what
    one connection cost is known exactly.
    """

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self._argv = list(argv)
        self._log = log
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._lock = threading.Lock()
        self._running: dict[threading.Thread, int] = {}
        self._cpu = 0.0

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    @contextlib.contextmanager
    def serving(self) -> Iterator[Callable[[], float]]:
        """Serve within the block.

        Yields:
            A function that waits for the processes of all connections so far and returns the
            processor seconds they used since it was called last.
        """
        accepting = threading.Thread(target=self._accept, name="inetd", daemon=True)
        accepting.start()
        try:
            yield self._settle
        finally:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join()
            with self._lock:
                running = dict(self._running)
            for thread, pid in running.items():
                _kill(pid)
                thread.join()

    def _settle(self) -> float:
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join(_LEFT_SECONDS)
            if thread.is_alive():
                raise CommandFailed(tuple(self._argv), 0, "still running after its client ended")
        with self._lock:
            spent, self._cpu = self._cpu, 0.0
        return spent

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, self._log.open("ab") as log:
                end = connection.fileno()
                process = started_process(self._argv, stdin=end, stdout=end, stderr=log.fileno())
            thread = threading.Thread(target=self._reap, args=(process,), daemon=True)
            with self._lock:
                self._running[thread] = process.pid
                thread.start()

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        _, cpu = reaped(process)
        with self._lock:
            self._cpu += cpu
            del self._running[threading.current_thread()]
