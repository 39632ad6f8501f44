# SPDX-License-Identifier: Apache-2.0
"""Services whose files change while they run: found by their files first, then by process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostlift.inspect.guest import Guest
from hostlift.inspect.servicetable import SIGNATURES, Signature
from hostlift.model.machine import Workload


@dataclass(frozen=True, slots=True)
class Process:
    """A process as far as recognition needs it; ``cwd`` is where servers keep their data."""

    pid: int
    name: str
    cwd: str


def processes(proc: Path) -> tuple[Process, ...]:
    """The processes of this machine; what ends meanwhile is left out."""
    found = []
    for pid in sorted(int(n) for n in os.listdir(proc) if n.isdecimal()):
        try:
            name = (proc / str(pid) / "comm").read_text("utf-8", "replace").strip()
            known = any(_is(name, p) for s in SIGNATURES for p in s.processes)
            cwd = str((proc / str(pid) / "cwd").readlink()) if known else ""
        except OSError:
            continue
        if known:
            found.append(Process(pid, name, cwd))
    return tuple(found)


def _is(name: str, wanted: str) -> bool:
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def detect(guest: Guest, running: Sequence[Process]) -> tuple[Workload, ...]:
    """Every service that is installed with data, or runs."""
    return tuple(w for s in SIGNATURES for w in _detect(s, guest, running))


def _detect(sign: Signature, guest: Guest, running: Sequence[Process]) -> list[Workload]:
    own = [p for p in running if any(_is(p.name, wanted) for wanted in sign.processes)]
    places = [path for pattern in sign.places for path in guest.glob(pattern)]
    candidates = dict.fromkeys([*places, *(p.cwd for p in own if p.cwd not in ("", "/"))])
    data = [p for p in candidates if sign.marks and _has_all(guest, p, sign.marks)]
    found = [
        Workload(
            kind=sign.kind,
            name=_name(sign, guest, path),
            data_dir=path,
            pids=_pids(own, path, alone=len(data) == 1),
            hook=sign.hook,
            leave_out=sign.leave_out,
        )
        for path in data
    ]
    if not found and own and sign.by_process:
        pids = tuple(p.pid for p in own)
        alone = Workload(
            kind=sign.kind, name=sign.kind, pids=pids, hook=sign.hook, leave_out=sign.leave_out
        )
        found = [alone]
    return found


def _has_all(guest: Guest, folder: str, marks: Iterable[str]) -> bool:
    return all(guest.glob(f"{folder.rstrip('/')}/{mark}") for mark in marks)


def _pids(own: Sequence[Process], path: str, *, alone: bool) -> tuple[int, ...]:
    return tuple(p.pid for p in own if alone or p.cwd == path)


def _name(sign: Signature, guest: Guest, path: str) -> str:
    version = guest.text(f"{path}/PG_VERSION").strip() if sign.kind == "postgresql" else ""
    return f"{sign.kind} {version}" if re.fullmatch(r"[\d.]+", version) else sign.kind
