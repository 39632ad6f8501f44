# SPDX-License-Identifier: Apache-2.0
"""Agents in this process: folders for target disks, socket pairs for the data channel.

Receiving and re-reading are the real engine; preparing makes folders, adapting writes one file and
spoils another. Restoring names both and puts neither back: a target that lost power right after.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from hostlift.adapt.editor import Editor
from hostlift.adapt.ledger import Ledger
from hostlift.flow.context import Agent, Context
from hostlift.flow.results import Site
from hostlift.host.tree import RootTree
from hostlift.model.adaptation import AdaptReport
from hostlift.model.entry import Entry
from hostlift.ports.cloud import Resource, ResourceKind
from hostlift.remote.messages import (
    Cloned,
    JobKind,
    JobOrder,
    JobState,
    JobStatus,
    Prepared,
    Reread,
    Restored,
    Sealed,
    VolumeReady,
)
from hostlift.replicate.receiver import Receiver
from hostlift.replicate.reread import reread

ADAPTED = "hostlift-adapted"
SPOILED = "etc/issue"


class FolderAgents:
    """`hostlift.flow.context.AgentDoor`; ``folder/<instance>/<volume>`` are the target volumes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def __call__(self, ctx: Context, site: Site) -> Iterator[Agent]:
        resource = Resource(ResourceKind.INSTANCE, site.instance)
        ctx.ledger.running(resource, deadline=600, label="start")
        yield cast("Agent", FolderAgent(self.folder / site.instance))


class FolderAgent:
    """One agent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ledger = folder.parent.with_name(f"{folder.parent.name}-ledgers") / folder.name
        self._read: dict[str, list[Entry]] = {}
        self.cloned: list[tuple[str, str]] = []

    def run(self, order: JobOrder, *, label: str) -> JobStatus:
        name = f"{order.kind}-{label}"
        status = {"id": name, "kind": order.kind, "state": JobState.DONE}
        match order:
            case JobOrder(kind=JobKind.PREPARE, prepare=prepare) if prepare:
                ready = tuple(self._prepare(v.id) for v in prepare.volumes)
                return JobStatus(**status, prepared=Prepared(volumes=ready))
            case JobOrder(kind=JobKind.REREAD, reread=wish) if wish:
                # Cold caches prove something about disks; here they would only slow the machine.
                folders = {v: self.folder / v for v in wish.volumes}
                found = {v: list(reread(f, drop_caches=False)) for v, f in folders.items()}
                self._read[name] = [e for entries in found.values() for e in entries]
                counts = {v: len(entries) for v, entries in found.items()}
                return JobStatus(**status, reread=Reread(entries=counts, bytes=0))
            case JobOrder(kind=JobKind.ADAPT):
                return JobStatus(**status, adapted=self._adapt())
            case JobOrder(kind=JobKind.RESTORE):
                return JobStatus(**status, restored=self._restore())
            case JobOrder(kind=JobKind.CLONE, clone=wish) if wish:
                self.cloned.append((wish.source, wish.target))
                return JobStatus(**status, cloned=Cloned(bytes=1, written=1, digest=""))
            case _:
                return JobStatus(**status, sealed=Sealed(checks={}))

    def entries(self, job: str) -> Iterator[Entry]:
        return iter(self._read[job])

    def file(self, name: str) -> bytes:
        return (self._ledger / name).read_bytes()

    def open_data(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        volumes = {p.name: p for p in self.folder.iterdir()}
        receiver = Receiver(volumes, {v: str(self.folder) for v in volumes})
        threading.Thread(target=receiver.serve, args=(theirs,), daemon=True).start()
        return ours

    def _prepare(self, volume: str) -> VolumeReady:
        (self.folder / volume).mkdir(parents=True, exist_ok=True)
        return VolumeReady(volume=volume, generation=str(self.folder), size=1 << 40, free=1 << 40)

    def _adapt(self) -> AdaptReport:
        root = next(v for v in self.folder.iterdir() if (v / "etc").is_dir())
        self._ledger.mkdir(parents=True, exist_ok=True)
        book = Ledger(self._ledger)
        edit = Editor(RootTree(root), book, "fake")
        edit.write(f"/{ADAPTED}", b"adapted\n", "a test")
        if (root / SPOILED).exists():
            edit.write(f"/{SPOILED}", b"another\n", "a test")
        return AdaptReport(edits=book.edits)

    def _restore(self) -> Restored:
        return Restored(paths=(f"/{ADAPTED}", f"/{SPOILED}"))
