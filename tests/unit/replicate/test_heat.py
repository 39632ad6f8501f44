# SPDX-License-Identifier: Apache-2.0
"""Counting what the kernel tells, without a kernel."""

from __future__ import annotations

import struct

from hostlift.replicate.changes.heat import HeatMap

MODIFY, CREATE, OVERFLOW = 0x2, 0x100, 0x4000


def event(mask: int, folder: bytes, name: bytes, pid: int) -> bytes:
    """As fanotify(7) has it: metadata, then directory handle and name."""
    handle = folder.ljust(8, b"\0")
    body = struct.pack("=8sIi", b"fs", len(handle), 1) + handle + name + b"\0"
    body += bytes(-(len(body) + 4) % 4)
    info = struct.pack("=BBH", 2, 0, len(body) + 4) + body
    return struct.pack("=IBBHQii", 24 + len(info), 3, 0, 24, mask, -1, pid) + info


def counted(found: HeatMap) -> dict[bytes, tuple[int, int]]:
    """Events and seconds by name."""
    return {key[2]: (spot.events, spot.seconds) for key, spot in found._spots.items()}


def test_events_are_counted_by_file_and_by_second() -> None:
    """Writes by the file's name, comings and goings by the folder."""
    found = HeatMap({}, ())
    found.count(event(MODIFY, b"d", b"log", 7) * 3 + event(CREATE, b"d", b"new", 7), second=1)
    found.count(event(MODIFY, b"d", b"log", 8), second=2)
    assert counted(found) == {b"log": (4, 2), b"": (1, 1)}
    assert found.hottest(5) == ()


def test_memory_is_bounded_and_what_is_hot_is_kept() -> None:
    """A hundred thousand files are touched once each, one of them again and again."""
    found = HeatMap({}, ())
    for turn in range(100):
        found.count(event(MODIFY, b"d", b"hot", 7), second=turn)
        for n in range(1000):
            found.count(event(MODIFY, b"d", b"%d-%d" % (turn, n), n), second=turn)
    assert len(found._spots) <= 4096
    assert len(found._names) <= 4096
    assert counted(found)[b"hot"] == (100, 100)


def test_an_overflow_is_admitted() -> None:
    """Such an event names nothing; the counts are too low from then on."""
    found = HeatMap({}, ())
    found.count(struct.pack("=IBBHQii", 24, 3, 0, 24, OVERFLOW, -1, 0), second=1)
    assert found.lost
    assert counted(found) == {}
