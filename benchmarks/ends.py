# SPDX-License-Identifier: Apache-2.0
"""The two programs of a hostlift run: ``python -m benchmarks.ends send|receive|reread ORDER``.

ORDER is a JSON file. Each writes what it did and used to the file named there as ``answer``. They
are put together as `hostlift.flow.copier` and `hostlift.agent` do it: the same TLS, the same
defaults, a manifest on disk, acknowledgements only for what is durable.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any


def send(order: dict[str, Any]) -> dict[str, object]:
    """One pass."""
    from hostlift.events import discard  # noqa: PLC0415 - each program loads what it needs
    from hostlift.host.clock import SystemClock  # noqa: PLC0415
    from hostlift.remote.channel import dial  # noqa: PLC0415
    from hostlift.remote.tls import Identity, client_context  # noqa: PLC0415
    from hostlift.replicate.manifest import Manifest  # noqa: PLC0415
    from hostlift.replicate.passes import run_pass  # noqa: PLC0415
    from hostlift.replicate.sending.options import PassOptions  # noqa: PLC0415
    from hostlift.replicate.source import SourceVolume, TreeRoot  # noqa: PLC0415

    own = Identity(order["certificate"].encode(), order["key"].encode())
    context = client_context(own, order["peer"].encode())
    with Manifest.open(Path(order["manifest"])) as manifest:
        manifest.bind("v", order["generation"])
        report = run_pass(
            sources=[SourceVolume("v", (TreeRoot(Path(order["source"])),))],
            manifest=manifest,
            connect=lambda _index: dial("127.0.0.1", int(order["port"]), context),
            options=PassOptions(**order["options"]),
            sink=discard,
            stop=threading.Event(),
            clock=SystemClock(),
        )
    return {
        "files": report.files,
        "bytes_read": report.bytes_read,
        "bytes_sent": report.bytes_sent,
        "seconds": report.seconds,
        "unsettled": report.unsettled,
        "hot": len(report.hot),
        "findings": [f"{os.fsdecode(f.path)}: {f.reason}" for f in report.findings[:5]],
    }


def receive(order: dict[str, Any]) -> dict[str, object]:
    """Serve until standard input ends; the port is the first line of standard output."""
    from hostlift.agent.data import DataServer  # noqa: PLC0415
    from hostlift.remote.tls import Identity, server_context  # noqa: PLC0415
    from hostlift.replicate.receiver import Receiver  # noqa: PLC0415

    own = Identity(order["certificate"].encode(), order["key"].encode())
    server = DataServer(0, server_context(own, order["peer"].encode()))
    receiver = Receiver({"v": Path(order["target"])}, {"v": order["generation"]})
    with server.serving(receiver.serve):
        print(server.port, flush=True)
        sys.stdin.buffer.read()
    receiver.close()
    return {}


def reread(order: dict[str, Any]) -> dict[str, object]:
    """What the receipt costs: the target's disks read back and compared with the manifest."""
    from hostlift.replicate.manifest import Manifest  # noqa: PLC0415
    from hostlift.replicate.reread import reread as entries  # noqa: PLC0415
    from hostlift.verify.compare import compare  # noqa: PLC0415

    started = time.monotonic()
    with Manifest.open(Path(order["manifest"])) as manifest:
        there = entries(Path(order["target"]))
        receipt, differences = compare("v", "/", manifest.entries("v"), there)
    return {
        "seconds": time.monotonic() - started,
        "entries": receipt.entries,
        "bytes": receipt.bytes,
        "differences": len(differences),
    }


class Children:
    """The most memory that each child was seen to hold; what wait4(2) says includes our own."""

    def __init__(self) -> None:
        self._peaks: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Bytes of all of them together."""
        self._over.set()
        self._thread.join()
        return sum(self._peaks.values())

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
                with contextlib.suppress(OSError, StopIteration):
                    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                    if f"\nPPid:\t{os.getpid()}\n" in text:
                        self._peaks[pid] = _peak(text)


def _peak(status: str) -> int:
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def _used(children: Children) -> dict[str, object]:
    """Processor seconds of this process and its children, and the most memory they held, in bytes."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    peak = _peak(Path("/proc/self/status").read_text(encoding="ascii"))
    return {"cpu": cpu, "peak_rss": peak + children.stop()}


def main() -> None:
    """Do what the first argument says."""
    programs = {"send": send, "receive": receive, "reread": reread}
    order = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    children = Children()
    answer = programs[sys.argv[1]](order) | _used(children)
    Path(order["answer"]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
