# SPDX-License-Identifier: Apache-2.0
"""The benchmarks themselves: that they compare what they say they compare, and leave nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.link import Link, through
from benchmarks.memory import forecast
from benchmarks.report import summary
from benchmarks.tools import Result
from hostlift.host.mounts import mount_table

ROOT = Path(__file__).parents[3]


def bench(folder: Path, *line: str) -> dict[str, Any]:
    """What a benchmark of 200 files writes."""
    out = folder / "out.json"
    argv = [sys.executable, "-m", "benchmarks.replication", "--work", "small", "--files", "200"]
    argv += ["--repeats", "1", "--no-cold", "--scratch", str(folder), "--json", str(out), *line]
    subprocess.run(
        argv,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(out.read_text())
    return found


@pytest.mark.root
def test_a_small_benchmark_has_ratios_and_equal_trees(tmp_path: Path) -> None:
    """First pass against the rsync daemon over a link of 10 ms, then a change without a link."""
    first = bench(tmp_path, "--peers", "rsyncd", "--link", "10ms")
    assert set(first["tools"]) == {"hostlift", "rsyncd"}
    assert first["best_rsync"] == "rsyncd"
    ours, theirs = (first["tools"][name]["runs"][0] for name in ("hostlift", "rsyncd"))
    assert first["ratio"]["wall"]["median"] == pytest.approx(ours["wall"] / theirs["wall"])
    assert first["equal"] is True
    assert first["reread"]["differences"] == 0
    content = first["reread"]["bytes"]
    assert content // 10 < ours["wire"] < content < theirs["wire"]
    assert min(ours["rss_source"], ours["rss_target"], ours["cpu_target"]) > 0
    changed = bench(tmp_path, "--peers", "none", "--pass", "changed")
    assert changed["tools"]["hostlift"]["runs"][0]["detail"]["files"] >= 2
    assert changed["equal"] is True
    assert [m for m in mount_table() if str(tmp_path) in m.mount_point] == []
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("run-")) == []


def echo(listener: socket.socket) -> None:
    """Send back what comes, until it ends, on one connection."""
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(1 << 20):
            connection.sendall(data)


def round_trip(link: Link, folder: Path, data: bytes) -> tuple[float, bytes, int]:
    """Seconds until everything was back, what was back, and bytes that the link counted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=echo, args=(listener,))
        server.start()
        with through(link, folder)(listener.getsockname()[1]) as opening:
            started = time.monotonic()
            with socket.create_connection(("127.0.0.1", opening.port)) as client:
                sender = threading.Thread(target=client.sendall, args=(data,))
                sender.start()
                back = b""
                while len(back) < len(data):
                    back += client.recv(1 << 20)
                spent = time.monotonic() - started
                sender.join()
                client.shutdown(socket.SHUT_WR)
                assert client.recv(1) == b""
            carried = opening.finish()
        server.join(30)
    assert carried is not None
    return spent, back, carried.bytes


def test_the_link_model_takes_its_time_and_changes_nothing(tmp_path: Path) -> None:
    """A connection is open after a round trip, an answer needs another; a window once each."""
    data = os.urandom(300_000)
    link = Link(0.1, window=100_000)
    spent, back, carried = round_trip(link, tmp_path, data)
    assert back == data
    assert carried == 2 * len(data)
    # Opening, then three windows, each acknowledged a round trip after it was sent.
    assert spent >= 0.1 + 3 * 0.1


def test_the_link_model_has_a_rate_and_stalls(tmp_path: Path) -> None:
    """Two megabits at ten a second, both ways at once; then the same with every block stalled."""
    data = os.urandom(250_000)
    quick = round_trip(Link(0.0, rate=10e6), tmp_path, data)[0]
    assert quick >= 0.2
    stalled = round_trip(Link(0.05, rate=10e6, stalls=1.0), tmp_path, data)[0]
    assert stalled >= quick + 3 * 0.05


def run(wall: float, *, sync: float = 0.0) -> Result:
    return Result(wall=wall, cpu_source=1.0, cpu_target=1.0, sync=sync, detail={"files": 10})


def test_ratios_are_those_of_medians_against_the_best_rsync() -> None:
    """The best rsync has the smallest median; other peers do not count; rounds give the spread."""
    found = summary(
        {
            "hostlift": [run(1.0), run(2.0), run(3.0)],
            "rsync-ssh": [run(9.0), run(9.0), run(1.0)],
            "rsyncd": [run(4.0, sync=4.0), run(4.0, sync=4.0), run(5.0, sync=4.0)],
            "cp": [run(0.1)] * 3,
        }
    )
    assert found["best_rsync"] == "rsyncd"
    assert found["ratio"]["wall"] == {"median": 0.5, "min": 0.25, "max": 0.6}
    assert found["ratio"]["wall_durable"]["median"] == 0.25
    assert found["objects_per_second"]["median"] == 5.0


def test_the_forecast_of_memory_is_a_straight_line() -> None:
    """100 bytes a file on top of 50 million; what only filled a cache is not in the late line."""
    line = forecast([10, 20, 40], [50_001_000, 50_002_000, 50_004_000], 1_000_000)
    assert line["bytes_per_file"] == pytest.approx(100)
    assert line["at_limit"] == line["at_limit_late"] == pytest.approx(150_000_000)
    filled = forecast([10, 20, 40], [40_000_000, 50_000_000, 50_000_000], 1_000_000)
    assert filled["at_limit_late"] == pytest.approx(50_000_000)
    assert filled["at_limit"] > 10 * filled["at_limit_late"]
