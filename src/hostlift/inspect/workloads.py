# SPDX-License-Identifier: Apache-2.0
"""Services whose files change while they run: found by their files first, then by process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostlift.inspect.guest import Guest
from hostlift.model.machine import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How a kind of service is recognised.

    Attributes:
        processes: Names (``comm``) of its server processes.
        marks: Files of which every one lies in its data directory; any match of a glob counts.
        places: Globs of directories where packages put the data.
        hook: The built-in freeze hook, or empty.
        by_process: A running server counts even where its data directory cannot be recognised.
    """

    kind: str
    processes: tuple[str, ...]
    marks: tuple[str, ...]
    places: tuple[str, ...]
    hook: str = ""
    by_process: bool = True


SIGNATURES = (
    Signature(
        kind="postgresql",
        processes=("postgres", "postmaster"),
        marks=("PG_VERSION", "global/pg_control"),
        places=("/var/lib/postgresql/*/*", "/var/lib/pgsql/data", "/var/lib/pgsql/*/data"),
        hook="postgresql",
    ),
    Signature(
        kind="mysql",
        processes=("mysqld", "mariadbd"),
        marks=("ibdata1",),
        places=("/var/lib/mysql",),
        hook="mysql",
    ),
    Signature(
        kind="mongodb",
        processes=("mongod",),
        marks=("WiredTiger",),
        places=("/var/lib/mongodb", "/var/lib/mongo"),
        hook="mongodb",
    ),
    Signature(
        kind="redis",
        processes=("redis-server", "valkey-server"),
        marks=("dump.rdb",),
        places=("/var/lib/redis", "/var/lib/redis/*", "/var/lib/valkey"),
        hook="redis",
    ),
    Signature(
        kind="elasticsearch",
        processes=(),
        marks=("nodes",),
        places=("/var/lib/elasticsearch", "/var/lib/opensearch"),
    ),
    Signature(
        kind="etcd",
        processes=("etcd",),
        marks=("member/snap/db",),
        places=("/var/lib/etcd", "/var/lib/etcd/*"),
    ),
    Signature(kind="kafka", processes=(), marks=("meta.properties",), places=("/var/lib/kafka*",)),
    Signature(
        kind="docker",
        processes=("dockerd",),
        marks=("image", "containers"),
        places=("/var/lib/docker",),
        hook="docker",
    ),
    Signature(
        kind="podman",
        processes=("podman", "conmon"),
        marks=("overlay-containers",),
        places=("/var/lib/containers/storage",),
        hook="docker",
    ),
    Signature(
        kind="containerd",
        processes=("containerd",),
        marks=("io.containerd.metadata.v1.bolt",),
        places=("/var/lib/containerd",),
    ),
    Signature(
        kind="kubernetes",
        processes=("kubelet",),
        marks=("config.yaml",),
        places=("/var/lib/kubelet",),
    ),
    Signature(
        kind="libvirt",
        processes=("libvirtd", "virtqemud"),
        marks=("*.qcow2",),
        places=("/var/lib/libvirt/images",),
        by_process=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process as far as recognition needs it; ``cwd`` is where servers keep their data."""

    pid: int
    name: str
    cwd: str


def processes(proc: Path) -> tuple[Process, ...]:
    """The processes of this machine; what ends meanwhile is left out."""
    wanted = {name for s in SIGNATURES for name in s.processes}
    found = []
    for pid in sorted(int(n) for n in os.listdir(proc) if n.isdecimal()):
        try:
            name = (proc / str(pid) / "comm").read_text("utf-8", "replace").strip()
            cwd = str((proc / str(pid) / "cwd").readlink()) if name in wanted else ""
        except OSError:
            continue
        if name in wanted:
            found.append(Process(pid, name, cwd))
    return tuple(found)


def detect(guest: Guest, running: Sequence[Process]) -> tuple[Workload, ...]:
    """Every service that is installed with data, or runs."""
    return tuple(w for s in SIGNATURES for w in _detect(s, guest, running))


def _detect(sign: Signature, guest: Guest, running: Sequence[Process]) -> list[Workload]:
    own = [p for p in running if p.name in sign.processes]
    places = [path for pattern in sign.places for path in guest.glob(pattern)]
    candidates = dict.fromkeys([*places, *(p.cwd for p in own if p.cwd not in ("", "/"))])
    data = [path for path in candidates if _has_all(guest, path, sign.marks)]
    found = [
        Workload(
            kind=sign.kind,
            name=_name(sign, guest, path),
            data_dir=path,
            pids=_pids(own, path, alone=len(data) == 1),
            hook=sign.hook,
        )
        for path in data
    ]
    if not found and own and sign.by_process:
        pids = tuple(p.pid for p in own)
        found = [Workload(kind=sign.kind, name=sign.kind, pids=pids, hook=sign.hook)]
    return found


def _has_all(guest: Guest, folder: str, marks: Iterable[str]) -> bool:
    return all(guest.glob(f"{folder.rstrip('/')}/{mark}") for mark in marks)


def _pids(own: Sequence[Process], path: str, *, alone: bool) -> tuple[int, ...]:
    return tuple(p.pid for p in own if alone or p.cwd == path)


def _name(sign: Signature, guest: Guest, path: str) -> str:
    version = guest.text(f"{path}/PG_VERSION").strip() if sign.kind == "postgresql" else ""
    return f"{sign.kind} {version}" if re.fullmatch(r"[\d.]+", version) else sign.kind
