# SPDX-License-Identifier: Apache-2.0
"""The way from an order to the part that does it; nothing is decided here.

The parts are imported when they are first needed: the agent answers on its port seconds earlier
on a slow processor.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hostlift.errors import ProtocolError
from hostlift.host.tree import RootTree
from hostlift.remote.entries import pack_entries
from hostlift.remote.messages import JobKind, JobOrder, Reread, Restored

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from hostlift.agent.jobs import Tell
    from hostlift.agent.targets import Targets
    from hostlift.model.adaptation import AdaptOrder, AdaptReport
    from hostlift.model.entry import Entry
    from hostlift.ports.commands import Commands
    from hostlift.remote.messages import (
        Cloned,
        CloneOrder,
        JobResult,
        Prepared,
        PrepareOrder,
        RereadOrder,
        Sealed,
    )
    from hostlift.replicate.receiver import Receiver

_TELL_EVERY = 1000


class Workshop:
    """The agent's parts on this machine.

    Args:
        state: The agent's folder.
        migration: The only one whose data are taken.
        targets: The disks.
        commands: Runs the guest's tools.
        end_streams: Ends all data streams, so that volumes can be unmounted.
    """

    def __init__(
        self,
        state: Path,
        migration: str,
        *,
        targets: Targets,
        commands: Commands,
        end_streams: Callable[[], None],
    ) -> None:
        self.files = state / "ledger"
        self._entries = state / "entries"
        self._commands = commands
        self._migration = migration
        self._end_streams = end_streams
        self._lock = threading.Lock()
        self._shared: Receiver | None = None
        self._targets = targets

    def entries(self, job: str) -> Path:
        """Where a REREAD job leaves what it found."""
        return self._entries / f"{job}.zst"

    def receive(self, stream: ssl.SSLSocket) -> None:
        """Speak the data protocol on a stream to its end."""
        self._receiver().serve(stream)

    def do(self, job: str, order: JobOrder, tell: Tell) -> JobResult:
        """Do an order to its end; see `hostlift.agent.jobs.Work`."""
        match order:
            case JobOrder(kind=JobKind.PREPARE, prepare=prepare) if prepare:
                return self._prepare(prepare, tell)
            case JobOrder(kind=JobKind.REREAD, reread=reread) if reread:
                return self._reread(job, reread, tell)
            case JobOrder(kind=JobKind.ADAPT, adapt=adapt) if adapt:
                return self._adapt(adapt, tell)
            case JobOrder(kind=JobKind.RESTORE, restore=restore) if restore:
                return self._restore(tell)
            case JobOrder(kind=JobKind.SEAL, seal=seal) if seal:
                return self._seal(tell)
            case JobOrder(kind=JobKind.CLONE, clone=wish) if wish:
                return self._clone(wish, tell)
            case _:
                raise ProtocolError("the order lacks its request", subject=order.kind)

    def _receiver(self) -> Receiver:
        """The one receiver of all streams, made anew after the volumes were let go."""
        from hostlift.replicate.receiver import Receiver  # noqa: PLC0415

        with self._lock:
            if self._shared is None:
                volumes = self._targets.volumes()
                generations = {volume: self._targets.generation(volume) for volume in volumes}
                self._shared = Receiver(volumes, generations, migration=self._migration)
            return self._shared

    def _let_go(self) -> None:
        """End what earlier clients still send: nobody writes to the volumes any more."""
        with self._lock:
            self._shared = None
        self._end_streams()

    def _prepare(self, order: PrepareOrder, tell: Tell) -> Prepared:
        self._let_go()
        return self._targets.prepare(
            order, lambda label, done, total: tell(label, done, total, "steps")
        )

    def _seal(self, tell: Tell) -> Sealed:
        self._let_go()
        tell("checking the file systems", 0, 0, "%")
        return self._targets.seal()

    def _clone(self, order: CloneOrder, tell: Tell) -> Cloned:
        from hostlift.agent.clone import clone  # noqa: PLC0415

        self._let_go()
        source, target = (self._targets.find(serial) for serial in (order.source, order.target))
        return clone(source, target, tell)

    def _adapt(self, order: AdaptOrder, tell: Tell) -> AdaptReport:
        from hostlift.adapt.linux.run import adapt  # noqa: PLC0415
        from hostlift.agent.efi import efi_in_place  # noqa: PLC0415

        self._let_go()
        tell("adapting the copy", 0, 0, "%")
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        devices, commands = self._targets.devices(), self._commands
        with (
            self._targets.assembled() as root,
            efi_in_place(order, root, devices=devices, ledger=self.files, commands=commands),
        ):
            return adapt(
                order,
                tree=RootTree(root),
                root=root,
                commands=commands,
                devices=devices,
                ledger=self.files,
            )

    def _restore(self, tell: Tell) -> Restored:
        from hostlift.adapt.linux.run import undo  # noqa: PLC0415

        self._let_go()
        tell("undoing the adaptation", 0, 0, "%")
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._targets.assembled() as root:
            return Restored(paths=undo(self.files, RootTree(root)))

    def _reread(self, job: str, order: RereadOrder, tell: Tell) -> Reread:
        paths = self._targets.volumes()
        missing = [volume for volume in order.volumes if volume not in paths]
        if missing:
            raise ProtocolError("no such volume", subject=missing[0])
        self._entries.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self._entries.iterdir():
            old.unlink(missing_ok=True)
        count = _Count(tell)
        new = self._entries / f"{job}.new"
        with new.open("wb") as file:
            found = (
                e
                for volume in order.volumes
                for e in count.over(volume, paths[volume], self._targets.apart(volume))
            )
            for piece in pack_entries(found):
                file.write(piece)
        new.replace(self.entries(job))
        return Reread(entries=count.entries, bytes=count.bytes)


class _Count:
    """Counts what a re-read finds, and tells."""

    def __init__(self, tell: Tell) -> None:
        self.entries: dict[str, int] = {}
        self.bytes = 0
        self._tell = tell

    def over(self, volume: str, root: Path, apart: frozenset[bytes]) -> Iterator[Entry]:
        """The entries of a volume; ``apart``: folders whose content is another volume's."""
        from hostlift.replicate.reread import outside, reread  # noqa: PLC0415

        self.entries[volume] = 0
        for entry in reread(root, leaves_out=outside(apart)):
            self.entries[volume] += 1
            self.bytes += entry.size
            if self.entries[volume] % _TELL_EVERY == 1:
                self._tell(f"reading {volume} back", self.bytes, 0, "bytes")
            yield entry
