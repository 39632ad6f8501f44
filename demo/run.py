# SPDX-License-Identifier: Apache-2.0
"""``make demo``: a live Debian server moves to the embedded cloud, and its copy is questioned.

    1 cloud      hostlift cloud up
    2 source     a server with nginx, PostgreSQL and a second disk boots on the cloud's internet
    3 install    the bundle and a user_config.json, copied there as a user would
    4 migrate    hostlift check, plan, migrate, run on the source while customers place orders
    5 arrive     an instance is started from the custom image
    6 compare    both machines answer the same questions
    7 sign off   hostlift verify --against, run on the copy; a page for whoever signs
    8 report

Everything it starts is gone when it ends, however it ends.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

from demo import guestwork, report
from demo.cloud import embedded_cloud, start_from, wipe
from demo.compare import compare
from demo.report import Facts
from demo.server import orders, source_server
from demo.signoff import sign_off
from demo.source import disks
from hostlift.errors import HostliftError
from hostlift.host.command import SystemCommands
from hostlift.localcloud.fabric.internet import internet_host
from hostlift.localcloud.images import cache

VISITOR = "198.51.100.20"
BUNDLE = Path("dist/hostlift-linux-x86_64.tar.gz")
PAGE = Path("dist/shop01-arrived.html")


class Steps:
    """Names what happens now and remembers how long it took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[None]:
        """A step for the length of the block."""
        print(f"\n=== {title}", flush=True)
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started
        print(f"    ({self.seconds[name]:.0f} s)", flush=True)


def main() -> int:
    """Run the demo; 0 when everything arrived."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _only_one() as folder:
            facts = _demo(folder, options)
    except KeyboardInterrupt:
        print("\nended; everything it started is gone", file=sys.stderr)
        return 130
    except (HostliftError, TimeoutError, RuntimeError) as error:
        print(f"\nthe demo failed: {error}", file=sys.stderr)
        if isinstance(error, HostliftError):
            print(f"  what to do: {error.hint}", file=sys.stderr)
        return 1
    return 0 if facts.good else 1


def _demo(folder: Path, options: argparse.Namespace) -> Facts:
    steps = Steps()
    with ExitStack() as stack:
        with steps.step("cloud", "1 The embedded cloud: hostlift cloud up"):
            built = disks.build(print)
            cloud = stack.enter_context(embedded_cloud(folder / "cloud"))
            print(f"    ECS, VPC and STS at {cloud.endpoint}")
        with steps.step("source", "2 The source server boots"):
            fabric = cloud.fabric()
            visitor = stack.enter_context(internet_host(fabric, "visitor", VISITOR))
            shell = stack.enter_context(source_server(built, fabric, visitor, folder))
            print(f"    shop01 at {shell.address} has {orders(shell)} orders, and takes more")
        with steps.step("install", "3 hostlift is copied to the source"):
            guestwork.install(shell, options.bundle, cloud)
        with steps.step(
            "migrate", "4 hostlift check, plan, migrate: on the source, while it serves"
        ):
            moved = guestwork.migrate(shell)
        with steps.step("arrive", f"5 An instance is started from {moved.image}"):
            arrival = start_from(cloud, moved.image, moved.hostname)
            print(f"    {arrival.instance} asks for a login after {arrival.seconds:.0f} s")
        with steps.step("compare", "6 Source and copy are asked the same questions"):
            copy = replace(shell, address=arrival.address)
            answers = compare(shell, copy, moved.freeze_seconds)
        with steps.step("sign off", "7 The copy itself says whether it is what the source was"):
            verdict = sign_off(shell, copy, moved, options.bundle, options.page)
        facts = Facts(moved, arrival, tuple(answers), verdict, steps.seconds)
        print("\n" + "\n".join(report.lines(facts)), flush=True)
        if options.json:
            options.json.write_text(json.dumps(report.as_json(facts), indent=2) + "\n")
        if options.keep:
            _linger(cloud.endpoint, shell.namespace, arrival.address)
    return facts


def _linger(endpoint: str, namespace: str, address: str) -> None:
    print(f"\nStill running: the cloud at {endpoint}, and both servers:")
    print(f"  ip netns exec {namespace} curl http://{address}/")
    print("Ctrl-C ends everything.", flush=True)
    Event().wait()


@contextmanager
def _only_one() -> Iterator[Path]:
    """A folder for one run; what a killed run left in it is ended and removed first."""
    folder = cache.folder().parent / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("another demo is running") from None
        _clear(folder)
        try:
            folder.mkdir()
            yield folder
        finally:
            _clear(folder)


def _clear(folder: Path) -> None:
    wipe(folder / "cloud")
    SystemCommands().run(["rm", "-rf", "--one-file-system", "--", str(folder)], timeout=300)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="made by 'make bundle'")
    parser.add_argument("--json", type=Path, help="write the facts to this file")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to leave the page to sign")
    parser.add_argument("--keep", action="store_true", help="keep everything up until Ctrl-C")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root: networks of its own for the cloud")
    if not options.bundle.exists():
        parser.error(f"{options.bundle} is missing: run 'make bundle'")
    return options


if __name__ == "__main__":
    sys.exit(main())
