# SPDX-License-Identifier: Apache-2.0
"""What is ready before writers are frozen."""

from __future__ import annotations

import socket

import pytest

from hostlift.flow.copier import _opened_ahead


class Doors:
    """Connections, counted."""

    def __init__(self) -> None:
        self.opened: list[socket.socket] = []

    def open(self, _stream: int) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.close()
        self.opened.append(ours)
        return ours


def test_streams_find_their_connections_made_and_lost_ones_are_replaced() -> None:
    """No handshake while writers stand still; a second call of a stream is a new connection."""
    doors = Doors()
    with _opened_ahead(doors.open, 2) as door:
        assert len(doors.opened) == 2
        first = door(0)
        assert first is doors.opened[0]
        again = door(0)
        assert again is doors.opened[2]
        first.close()
        again.close()
    assert doors.opened[1].fileno() == -1, "nobody took it: it is closed"


def test_connections_are_closed_when_the_freeze_fails() -> None:
    """Or when one of them cannot be made."""
    doors = Doors()
    with pytest.raises(RuntimeError), _opened_ahead(doors.open, 2):
        raise RuntimeError
    assert [s.fileno() for s in doors.opened] == [-1, -1]
