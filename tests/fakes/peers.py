# SPDX-License-Identifier: Apache-2.0
"""Sender and receiver as processes of their own that can be killed, and a relay between them.

python -m fakes.peers receive TARGET GENERATION SOCKET
python -m fakes.peers send SOURCE DATABASE GENERATION SOCKET
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hostlift.errors import HostliftError
from hostlift.events import discard
from hostlift.host.clock import SystemClock
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import PassOptions, PassReport, run_pass
from hostlift.replicate.receiver import Receiver
from hostlift.replicate.source import SourceVolume, TreeRoot

HERE = Path(__file__).parent
SECONDS = 30.0
OPTIONS = PassOptions(streams=2, level=0, window=4 << 20, patience=20.0, stall=2.0)
IN_FLIGHT = OPTIONS.streams * ((4 << 20) + (9 << 19))
"""What the streams may have sent without an acknowledgement: the window and one batch each."""


def connected(path: Path) -> socket.socket:
    """A connection to a socket in the file system."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock


def send(source: Path, database: Path, generation: str, path: Path) -> PassReport:
    """One pass, as a process started anew makes it."""
    with Manifest.open(database) as manifest:
        manifest.bind("v", generation)
        return run_pass(
            sources=[SourceVolume("v", (TreeRoot(source),))],
            manifest=manifest,
            connect=lambda _index: connected(path),
            options=OPTIONS,
            sink=discard,
            stop=threading.Event(),
            clock=SystemClock(),
        )


def receive(target: Path, generation: str, path: Path) -> None:
    """Serve connections until killed."""
    receiver = Receiver({"v": target}, {"v": generation})
    with socket.socket(socket.AF_UNIX) as door:
        path.unlink(missing_ok=True)
        door.bind(str(path))
        door.listen(16)
        while True:
            sock = door.accept()[0]
            threading.Thread(target=receiver.serve, args=(sock,), daemon=True).start()


@contextlib.contextmanager
def process(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """``python -m fakes.peers`` with these arguments; killed at the end of the block."""
    paths = os.pathsep.join((str(HERE.parent), *(p for p in sys.path if p)))
    child = subprocess.Popen(
        [sys.executable, "-m", "fakes.peers", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


class Relay:
    """Passes connections on, counts what goes to the receiver, and tells somebody.

    Args:
        to: The receiver's socket.
        tell: Told how many bytes went to the receiver so far, before the next ones go; may take
            its time, and may raise `ConnectionError` to cut the connection.
    """

    def __init__(self, path: Path, to: Path) -> None:
        self.path = path
        self.sent = 0
        self.connections = 0
        self.tell: Callable[[int], None] = lambda _sent: None
        self._to = to
        self._lock = threading.Lock()
        self._door = socket.socket(socket.AF_UNIX)
        self._threads: list[threading.Thread] = []
        self._door.bind(str(path))
        self._door.listen(16)
        self._start(self._accept)

    def close(self) -> None:
        """End it; every connection has to have ended."""
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(SECONDS)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while True:
            try:
                ours = self._door.accept()[0]
            except OSError:
                return
            self.connections += 1
            try:
                theirs = connected(self._to)
            except OSError:
                ours.close()
                continue
            self._start(self._both, ours, theirs)

    def _both(self, ours: socket.socket, theirs: socket.socket) -> None:
        with ours, theirs:
            back = threading.Thread(target=self._down, args=(theirs, ours))
            back.start()
            self._up(ours, theirs)
            back.join()

    def _up(self, ours: socket.socket, theirs: socket.socket) -> None:
        try:
            while data := ours.recv(1 << 18):
                with self._lock:
                    self.tell(self.sent)
                    theirs.sendall(data)
                    self.sent += len(data)
        except OSError:
            pass
        finally:
            end(ours, theirs)

    def _down(self, theirs: socket.socket, ours: socket.socket) -> None:
        try:
            while data := theirs.recv(1 << 18):
                ours.sendall(data)
        except OSError:
            pass
        finally:
            end(ours, theirs)


def end(*socks: socket.socket) -> None:
    """Both directions of each."""
    for sock in socks:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Until it holds.

    Raises:
        AssertionError: It does not within `SECONDS`.
    """
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


class Kept:
    """A receiver process that is there again after each kill."""

    def __init__(self, target: Path, path: Path) -> None:
        self.kills = 0
        self._target = target
        self._path = path
        self._stack = contextlib.ExitStack()
        self.start()

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._path.unlink(missing_ok=True)
        child = self._stack.enter_context(process("receive", self._target, "g1", self._path))

        def listens() -> bool:
            assert child.poll() is None
            try:
                connected(self._path).close()
            except OSError:
                return False
            return True

        wait_for(listens, "the receiver")

    def kill(self) -> None:
        """As `kill -9`; it is gone when this returns."""
        self.kills += 1
        self._stack.close()


def main(what: str, *arguments: str) -> None:
    """See the module."""
    if what == "receive":
        target, generation, path = arguments
        receive(Path(target), generation, Path(path))
        return
    source, database, generation, path = arguments
    try:
        send(Path(source), Path(database), generation, Path(path))
    except HostliftError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
