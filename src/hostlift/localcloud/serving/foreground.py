# SPDX-License-Identifier: Apache-2.0
"""Serving one cloud until told to stop."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from hostlift.errors import StateError
from hostlift.host.clock import SystemClock
from hostlift.host.files import atomic_write
from hostlift.localcloud import config, credentials
from hostlift.localcloud.cloud import Cloud
from hostlift.localcloud.kinds import open_kind
from hostlift.localcloud.linux.processes import Mark
from hostlift.localcloud.requestlog import RequestLog
from hostlift.localcloud.service import Service
from hostlift.localcloud.serving.admin import Admin
from hostlift.localcloud.serving.server import Server, listen
from hostlift.localcloud.state.store import Store

RUNNING = "daemon.json"
"""There while a daemon serves; who it is and where it listens."""
LOCK = "daemon.lock"
KIND = "kind"


def serve(folder: Path, kind: str, listen_host: str, port: int) -> None:
    """Serve the cloud in ``folder`` until SIGTERM or SIGINT, then shut it down in order.

    Listens on ``listen_host`` and inside the embedded internet, where there is one.

    Raises:
        StateError: Another process serves it.
        HostError: The port is taken, or a network cannot be made.
    """
    with ExitStack() as stack:
        stack.enter_context(locked(folder / LOCK))
        stack.callback((folder / RUNNING).unlink, missing_ok=True)
        cloud, log = _open(folder, kind)
        stack.callback(log.close)
        stack.callback(cloud.down)
        outer = stack.enter_context(listen(listen_host, port))
        port = outer.getsockname()[1]
        cloud.up(port)
        inner = cloud.fabric.api_addresses()
        sockets = [outer, *_listen_inside(stack, cloud, port)]
        token = secrets.token_urlsafe(32)
        server = Server(Service(cloud, log), Admin(cloud, folder), token)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        cloud.run()
        service = cloud.fabric.service_address()
        outside, *on_internet = [f"http://{host}:{port}" for host in (listen_host, *inner)]
        endpoints = {
            "endpoint": outside,
            "inner_endpoints": on_internet,
            "vpc_endpoint": f"http://{service}:{port}" if service else "",
        }
        _announce(folder, kind, token, endpoints)
        server.serve_on(sockets)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the cloud's lock for the length of the block.

    Raises:
        StateError: Another process holds it.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                "another process serves this cloud",
                subject=str(path.parent),
                hint="Stop it with 'hostlift cloud down'.",
            ) from None
        yield


def _open(folder: Path, kind: str) -> tuple[Cloud, RequestLog]:
    clock = SystemClock()
    settings = config.load(folder)
    keyring = credentials.load_or_make(folder, settings)
    compute, fabric = open_kind(kind, folder)
    log = RequestLog(folder, clock)
    cloud = Cloud(
        keyring=keyring,
        store=Store(folder, now=clock.now),
        compute=compute,
        fabric=fabric,
        clock=clock,
        settings=settings,
        report=log.trouble,
    )
    return cloud, log


def _listen_inside(stack: ExitStack, cloud: Cloud, port: int) -> Iterator[socket.socket]:
    for address in cloud.fabric.api_addresses():
        yield stack.enter_context(cloud.fabric.listen(address, port))


def _announce(folder: Path, kind: str, token: str, endpoints: Mapping[str, object]) -> None:
    note = {
        **asdict(Mark.of(os.getpid())),
        "kind": kind,
        "token": token,
        **endpoints,
    }
    atomic_write(folder / RUNNING, json.dumps(note, indent=2).encode())
