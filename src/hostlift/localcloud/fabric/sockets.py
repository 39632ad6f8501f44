# SPDX-License-Identifier: Apache-2.0
"""Listening sockets inside a namespace, served by threads outside of it."""

from __future__ import annotations

import socket

from hostlift.errors import HostError
from hostlift.localcloud.linux import namespaces


def listening_socket(namespace: str, address: str, port: int) -> socket.socket:
    """A TCP socket that listens inside ``namespace``; the caller closes it.

    Raises:
        HostError: Nobody has that address there, or the port is taken.
    """

    def listen() -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((address, port))
            listening.listen(128)
        except OSError:
            listening.close()
            raise
        return listening

    try:
        return namespaces.inside(namespace, listen)
    except OSError as error:
        raise HostError(
            f"cannot listen inside {namespace}: {error.strerror}", subject=f"{address}:{port}"
        ) from error
