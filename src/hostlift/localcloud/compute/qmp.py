# SPDX-License-Identifier: Apache-2.0
"""QEMU's control socket: one short conversation per use."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from hostlift.errors import HostError

_SOCKET = "qmp.sock"
_TIMEOUT = 10.0


def listening_socket(folder: Path) -> socket.socket:
    """A socket in ``folder`` that QEMU can be given; the caller closes its copy."""
    (folder / _SOCKET).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_path(folder) as path:
            listening.bind(path)
        listening.listen(4)
    except OSError:
        listening.close()
        raise
    return listening


class Qmp:
    """A conversation; see `connected`."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._lines = peer.makefile("rb")
        self._receive()  # the greeting
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: object) -> object:
        """Run a command and return its result.

        Raises:
            HostError: QEMU refused it, or hung up.
        """
        request = {"execute": command, "arguments": arguments}
        self._peer.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._receive()
            if "error" in answer:
                raise HostError(f"QEMU refuses: {_reason(answer['error'])}", subject=command)
            if "return" in answer:
                return answer["return"]

    def close(self) -> None:
        """Hang up."""
        self._lines.close()

    def _receive(self) -> dict[str, object]:
        line = self._lines.readline()
        if not line:
            raise HostError("QEMU hung up", subject="QMP")
        message = json.loads(line)
        return message if isinstance(message, dict) else {}


@contextlib.contextmanager
def connected(folder: Path) -> Iterator[Qmp]:
    """A conversation with the QEMU whose socket is in ``folder``.

    Raises:
        HostError: It does not answer, or refused a command.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(_TIMEOUT)
        try:
            with _short_path(folder) as path:
                peer.connect(path)
            talk = Qmp(peer)
            try:
                yield talk
            finally:
                talk.close()
        except (OSError, ValueError) as error:
            raise HostError(f"QEMU does not answer: {error}", subject=str(folder)) from error


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """A name of the socket that fits into the 107 bytes the kernel allows."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{_SOCKET}"
    finally:
        os.close(fd)


def _reason(error: object) -> str:
    return str(error.get("desc", error)) if isinstance(error, dict) else str(error)
