# SPDX-License-Identifier: Apache-2.0
"""Real processes on both ends, killed at any moment: an exact continuation, nothing sent twice."""

from __future__ import annotations

import random
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.peers import IN_FLIGHT, Kept, Relay, process, send, wait_for
from fakes.trees import look

from hostlift.replicate.receiving.journals import recover

MIB = 1 << 20
SLACK = 200_000
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


class Place:
    """Source, target, and a relay to a receiver process."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "source", folder / "target"
        self.database = folder / "state.db"
        for path in (self.source, self.target):
            path.mkdir()
        self.receiver = Kept(self.target, folder / "receiver")
        self.relay = Relay(folder / "relay", folder / "receiver")
        self.random = random.Random(5)

    def close(self) -> None:
        self.receiver.kill()
        self.relay.close()

    def fill(self) -> int:
        """Two large files and some small ones; how many bytes."""
        for name in ("large1", "large2"):
            (self.source / name).write_bytes(self.random.randbytes(24 * MIB))
        for index in range(200):
            (self.source / f"small{index}").write_bytes(self.random.randbytes(10_000))
        return 50 * MIB

    def change(self) -> int:
        """Half of the large files' chunks; how many bytes."""
        for name in ("large1", "large2"):
            with (self.source / name).open("r+b") as file:
                for index in range(0, 24, 2):
                    file.seek(index * MIB)
                    file.write(self.random.randbytes(MIB))
        return 24 * MIB

    def contents(self) -> dict[str, bytes]:
        return {n: (self.target / n).read_bytes() for n in ("large1", "large2")}

    def send(self) -> None:
        send(self.source, self.database, "g1", self.relay.path)


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        made = Place(Path(folder))
        yield made
        made.close()


def test_a_receiver_that_is_killed_is_found_again(place: Place) -> None:
    """Three kills while files are made; the same pass goes on each time and ends right."""
    total = place.fill()
    moments = sorted(place.random.randrange(total) for _ in range(3))

    def tell(sent: int) -> None:
        if moments and sent >= moments[0]:
            del moments[0]
            place.receiver.kill()
            place.receiver.start()
            raise ConnectionError("killed")

    place.relay.tell = tell
    place.send()
    assert place.receiver.kills == 3
    assert look(place.source) == look(place.target)
    assert place.relay.sent <= total + SLACK + 3 * IN_FLIGHT


def test_a_large_file_is_the_old_or_the_new_one_at_any_moment(place: Place) -> None:
    """Kills while large files are changed, some of them at the end, when journals are applied."""
    place.fill()
    place.send()
    old = place.contents()
    total = place.change()
    new = {n: (place.source / n).read_bytes() for n in old}
    place.relay.sent = 0
    wrong: list[str] = []
    done = threading.Event()

    def kill() -> None:
        for share in (0.1, 0.4, 0.7, 0.95, 1.0, 1.0, 1.0):
            wait_for(lambda share=share: place.relay.sent > total * share or done.is_set(), "bytes")
            done.wait(place.random.uniform(0, 0.05))
            place.receiver.kill()
            recover(place.target)
            wrong.extend(n for n, c in place.contents().items() if c not in (old[n], new[n]))
            place.receiver.start()

    killer = threading.Thread(target=kill)
    killer.start()
    place.send()
    done.set()
    killer.join()
    assert wrong == []
    assert place.contents() == new
    assert look(place.source) == look(place.target)
    assert place.relay.sent <= total + SLACK + place.receiver.kills * IN_FLIGHT


def test_a_sender_that_is_killed_goes_on_where_it_was(place: Place) -> None:
    """Four senders, the first three killed; together they send hardly more than there is."""
    total = place.fill()
    for share in (0.2, 0.5, 0.8):
        with process("send", place.source, place.database, "g1", place.relay.path):
            wait_for(lambda share=share: place.relay.sent > total * share, "bytes to be sent")
    place.send()
    assert look(place.source) == look(place.target)
    assert place.relay.sent <= total + SLACK + 3 * IN_FLIGHT


def test_a_peer_that_takes_everything_and_answers_nothing_is_left(place: Place) -> None:
    """After the stall time there is a new connection, and the pass goes on there."""
    total = place.fill()
    held: list[int] = []

    def tell(sent: int) -> None:
        if sent > total // 3 and not held:
            held.append(place.relay.connections)
            wait_for(lambda: place.relay.connections > held[0], "another connection")
            raise ConnectionError("left")

    place.relay.tell = tell
    place.send()
    assert held
    assert look(place.source) == look(place.target)
    assert place.relay.sent <= total + SLACK + IN_FLIGHT


def test_an_outage_of_some_seconds_is_survived(place: Place) -> None:
    """Nobody listens for three seconds; the same pass connects again and goes on."""
    total = place.fill()
    back: list[threading.Timer] = []

    def tell(sent: int) -> None:
        if sent > total // 2 and not back:
            place.receiver.kill()
            back.append(threading.Timer(3.0, place.receiver.start))
            back[0].start()
            raise ConnectionError("nobody there")

    place.relay.tell = tell
    place.send()
    back[0].join()
    assert look(place.source) == look(place.target)
    assert place.relay.sent <= total + SLACK + IN_FLIGHT
