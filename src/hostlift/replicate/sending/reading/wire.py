# SPDX-License-Identifier: Apache-2.0
"""What a stream and its reading process say to each other, over a pair of sockets.

    Asked     ->    objects to read
    Parcel    <-    a batch, packed, and what its acknowledgement will mean; as many as it takes
    Told      <-    all is read: what else was found on the way

Each is a length (8 bytes), a length (8 bytes), a msgpack row of the first length and raw bytes of
the second.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgpack

from hostlift.replicate.protocol import Body
from hostlift.replicate.rows import Row
from hostlift.replicate.sending.outcomes import Todo

_LENGTHS = struct.Struct("=QQ")


class Asked(NamedTuple):
    """Objects of one volume.

    Attributes:
        synced: As `hostlift.replicate.sending.ledger.Ledger.synced`, for every tree of the volume.
    """

    vol: int
    synced: Mapping[int, float]
    todos: list[Todo]


class Parcel(NamedTuple):
    """A batch.

    Attributes:
        taken, planned, read: As of `hostlift.replicate.sending.draft.Draft`.
        rows: What is settled by its acknowledgement, and whether the file is pinned.
        payload: `hostlift.replicate.ops.pack` of its operations.
    """

    taken: int
    planned: int
    read: int
    rows: list[tuple[Row, bool]]
    payload: Body


class Told(NamedTuple):
    """The end of what was asked for.

    Attributes:
        gone: How many objects had vanished.
        found: (key, reason) of what could not be kept.
        hot: Keys of files that changed while they were read.
        large: Keys of files that have become large ones.
    """

    gone: int
    found: list[tuple[bytes, str]]
    hot: list[bytes]
    large: list[bytes]


class Pipe:
    """One end of the pair; the other one's end is an `EOFError`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def ask(self, asked: Asked) -> None:
        """Say what to read."""
        # The volume is the same for all of them.
        self._send((asked.vol, asked.synced, [todo[1:] for todo in asked.todos]))

    def asked(self) -> Asked:
        """What is to be read."""
        (vol, synced, todos), _ = self._receive()
        return Asked(vol, synced, [Todo(vol, *todo) for todo in todos])

    def answer(self, parcel: Parcel) -> None:
        """Give a batch."""
        self._send((*parcel[:4],), parcel.payload)

    def tell(self, told: Told) -> None:
        """Give the end."""
        self._send(told)

    def answered(self) -> Parcel | Told:
        """What comes of what was asked."""
        row, payload = self._receive()
        if not payload:
            return Told(*row)
        taken, planned, read, rows = row
        return Parcel(taken, planned, read, [(Row(*r), pinned) for r, pinned in rows], payload)

    def _send(self, row: object, payload: Body = b"") -> None:
        packed = msgpack.packb(row, use_bin_type=True)
        try:
            self._sock.sendall(_LENGTHS.pack(len(packed), len(payload)) + packed)
            if payload:
                self._sock.sendall(payload)
        except OSError as error:
            raise EOFError(str(error)) from error

    def _receive(self) -> tuple[Any, bytearray]:
        row, payload = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        unpacked = msgpack.unpackb(
            self._exactly(row), use_list=False, raw=False, strict_map_key=False
        )
        return unpacked, self._exactly(payload)

    def _exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        room = memoryview(data)
        while room:
            try:
                got = self._sock.recv_into(room)
            except OSError as error:
                raise EOFError(str(error)) from error
            if not got:
                raise EOFError("the other end is gone")
            room = room[got:]
        return data
