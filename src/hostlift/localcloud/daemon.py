# SPDX-License-Identifier: Apache-2.0
"""The embedded cloud as a process: up, down, info, listing, reset. One per folder.

The folder holds everything: accounts (``cloud.db``), their keys (``credentials.json``), settings,
logs, and whatever the compute kind keeps. ``daemon.json`` says who serves it; a file left by a
process that is gone is noticed, never believed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import hostlift
from hostlift.errors import ConfigError, HostError, StateError
from hostlift.host.clock import SystemClock
from hostlift.host.command import spawn
from hostlift.host.files import atomic_write, remove_tree
from hostlift.localcloud import config, credentials, metering
from hostlift.localcloud.compute.base import Compute
from hostlift.localcloud.kinds import KINDS, open_kind
from hostlift.localcloud.linux.processes import Mark
from hostlift.localcloud.serving.foreground import KIND, LOCK, RUNNING, locked
from hostlift.localcloud.state import listing as state_listing
from hostlift.localcloud.state.store import FILE as STATE
from hostlift.localcloud.state.store import Store

LOG = "daemon.log"
DEFAULT_REGION = "cn-hangzhou"
_UP_SECONDS = 120.0
_DOWN_SECONDS = 60.0
_POLL = 0.05
_INHERITED = ("HOME", "XDG_CACHE_HOME", "http_proxy", "https_proxy", "no_proxy", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudInfo:
    """A cloud that is up.

    Attributes:
        endpoint: For clients on this machine.
        inner_endpoints: For clients on the embedded internet.
        vpc_endpoint: For instances without a public address, and over a VPN; empty on paper.
    """

    endpoint: str
    inner_endpoints: tuple[str, ...]
    vpc_endpoint: str
    access_key_id: str
    access_key_secret: str
    region: str
    pid: int
    kind: str


def up(folder: Path, kind: str = "qemu", port: int = 0) -> CloudInfo:
    """Start the cloud in the background; one that is up already is fine.

    Args:
        folder: Made if need be.
        kind: What instances are; a cloud keeps the kind it was made with.
        port: Of the endpoint on loopback; 0 takes a free one.

    Raises:
        ConfigError: The kind does not exist, or is not the cloud's.
        HostError: It did not start; the message has the end of its log.
    """
    if kind not in KINDS:
        raise ConfigError(f"no such kind; there are {', '.join(KINDS)}", subject=kind)
    found = info(folder)
    if found is not None:
        _check_same(folder, found, kind, port)
        return found
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config.load(folder)
    _check_kind(folder, kind)
    (folder / RUNNING).unlink(missing_ok=True)
    _launch(folder, kind, port)
    found = info(folder)
    if found is None:
        raise HostError(f"it ended at once: {_tail(folder)}", subject=str(folder))
    return found


def down(folder: Path) -> None:
    """Stop the cloud, keep what is in it; one that is down already is fine.

    After a crash of the daemon this removes the guests and networks it left.
    """
    mark = _mark(folder)
    if mark is not None and mark.alive():
        mark.end(grace=_DOWN_SECONDS)
    if not (folder / RUNNING).exists():
        return
    with locked(folder / LOCK):
        compute, fabric = open_kind(_kind(folder), folder)
        compute.close()
        fabric.down()
        (folder / RUNNING).unlink(missing_ok=True)


def info(folder: Path) -> CloudInfo | None:
    """How to reach the cloud; None when it is down."""
    found = running(folder)
    if found is None:
        return None
    key = credentials.load(folder)[config.MAIN]
    return CloudInfo(
        endpoint=str(found["endpoint"]),
        inner_endpoints=tuple(found["inner_endpoints"]),
        vpc_endpoint=str(found["vpc_endpoint"]),
        access_key_id=key.access_key_id,
        access_key_secret=key.access_key_secret,
        region=DEFAULT_REGION,
        pid=int(found["pid"]),
        kind=str(found["kind"]),
    )


def running(folder: Path) -> dict[str, Any] | None:
    """What the process that serves the cloud says of itself; None when there is none."""
    mark = _mark(folder)
    if mark is None or not mark.alive():
        return None
    return dict(json.loads((folder / RUNNING).read_text()))


def listing(folder: Path) -> dict[str, list[dict[str, object]]]:
    """What exists in the cloud, up or down, by kind of resource."""
    if not (folder / STATE).exists():
        return state_listing.empty()
    with _reading(folder) as store:
        return state_listing.of(store)


def bill(folder: Path) -> list[dict[str, object]]:
    """What each account paid in, spent, has left, and what an hour costs at the moment.

    Raises:
        StateError: The cloud was never up.
    """
    settings, keys = config.load(folder), credentials.load(folder)
    now = SystemClock().now() if info(folder) is not None else 0.0
    rows: list[dict[str, object]] = []
    with _reading(folder) as store:
        for account in settings.all_accounts:
            found = store.bills.get(keys[account.name].id)
            used = metering.spent(found, now) if found else 0.0
            rows.append(
                {
                    "account": account.name,
                    "balance": round(account.balance - used, 2),
                    "spent": round(used, 4),
                    "an_hour": round(found.hour, 4) if found else 0.0,
                    "currency": account.currency,
                }
            )
    return rows


def reset(folder: Path) -> None:
    """Stop the cloud and wipe it, account and all.

    Raises:
        StateError: The folder is not a cloud's.
    """
    down(folder)
    if not folder.exists():
        return
    if not (folder / KIND).exists() and any(folder.iterdir()):
        raise StateError("it is not the folder of an embedded cloud", subject=str(folder))
    try:
        remove_tree(folder)
    except OSError as error:
        raise HostError(f"cannot be removed: {error.strerror}", subject=str(folder)) from error


def export_image(folder: Path, image: str, target: Path) -> tuple[Path, ...]:
    """Write the disks of an image as qcow2 files into ``target``, the system disk first.

    Raises:
        StateError: There is no such image.
    """
    with _reading(folder) as store:
        found = store.images.get(image)
        if found is None:
            raise StateError("there is no such image", subject=image)
        snapshots = [d.snapshot for d in found.disks if d.snapshot]
    target.mkdir(parents=True, exist_ok=True)
    compute, _ = open_kind(_kind(folder), folder)
    return tuple(_export(compute, s, target / f"disk{n}.qcow2") for n, s in enumerate(snapshots))


def _export(compute: Compute, snapshot: str, path: Path) -> Path:
    compute.export(snapshot, str(path))
    return path


def _launch(folder: Path, kind: str, port: int) -> None:
    source = str(Path(hostlift.__file__).parent.parent)
    paths = [source, *(p for p in sys.path if p and p != source)]
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    line = [sys.executable, "-m", "hostlift.localcloud", str(folder.resolve()), kind, str(port)]
    with (folder / LOG).open("ab") as log:
        process = spawn(
            line,
            stdout=log.fileno(),
            env={**environment, "PYTHONPATH": os.pathsep.join(paths)},
        )
    Thread(target=process.wait, name="localcloud-reaper", daemon=True).start()
    pause = Event()
    for _ in range(int(_UP_SECONDS / _POLL)):
        if (folder / RUNNING).exists():
            return
        if process.poll() is not None:
            raise HostError(
                f"it ended with status {process.returncode}: {_tail(folder)}",
                subject=str(folder),
                hint=f"See {folder / LOG}.",
            )
        pause.wait(_POLL)
    Mark.of(process.pid).end(grace=_DOWN_SECONDS)
    raise HostError(f"not ready after {_UP_SECONDS:g} s: {_tail(folder)}", subject=str(folder))


def _check_same(folder: Path, found: CloudInfo, kind: str, port: int) -> None:
    if found.kind != kind:
        raise ConfigError(
            f"it is up as {found.kind}",
            subject=str(folder),
            hint="Stop it first: hostlift cloud down.",
        )
    if port and not found.endpoint.endswith(f":{port}"):
        raise ConfigError(
            f"it is up at {found.endpoint}",
            subject=str(folder),
            hint="Stop it first: hostlift cloud down.",
        )


def _check_kind(folder: Path, kind: str) -> None:
    path = folder / KIND
    if not path.exists():
        atomic_write(path, f"{kind}\n".encode())
    elif _kind(folder) != kind:
        raise ConfigError(
            f"this cloud was made as {_kind(folder)}; its disks are of that kind",
            subject=str(folder),
            hint="Use that kind, another folder, or 'hostlift cloud reset'.",
        )


def _kind(folder: Path) -> str:
    try:
        return (folder / KIND).read_text().strip()
    except FileNotFoundError:
        raise StateError("it is not the folder of an embedded cloud", subject=str(folder)) from None


def _mark(folder: Path) -> Mark | None:
    return Mark.load(folder / RUNNING)


def _tail(folder: Path) -> str:
    lines = (folder / LOG).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[Store]:
    store = Store(folder, read_only=True)
    try:
        yield store
    finally:
        store.close()
