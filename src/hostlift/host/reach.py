# SPDX-License-Identifier: Apache-2.0
"""Whether something can be connected to."""

from __future__ import annotations

import socket

PATIENCE = 5.0


def refusal(host: str, port: int, *, seconds: float = PATIENCE) -> str:
    """Why no TCP connection to ``host`` can be made within so long; empty when one was."""
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    return ""
