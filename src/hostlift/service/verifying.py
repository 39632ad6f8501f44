# SPDX-License-Identifier: Apache-2.0
"""Checking a receipt again, offline: its own files, then a directory tree or disk images against it.

Here the strangers meet: the receipt and its judgement (`verify`), the reading of trees and the
exclude rules (`replicate`), and the packing of entries (`remote`). Nothing is changed anywhere.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from hostlift.errors import ConfigError, Interrupted, ProtocolError, VerifyError
from hostlift.events import EventSink, Progress, discard
from hostlift.host.command import SystemCommands
from hostlift.model.entry import Entry
from hostlift.model.plan import nested
from hostlift.model.receipt import Evidence, Receipt, VolumeReceipt
from hostlift.remote.entries import unpack_entries
from hostlift.replicate.fs.directories import Directories, opened_tree
from hostlift.replicate.reread import outside, reread
from hostlift.service.livetree import folder_in, live_entries
from hostlift.verify.entries import prove_entries, read_pieces
from hostlift.verify.images import SCRATCH, RawImages, mounted_images, raw_images
from hostlift.verify.receipt import read_receipt
from hostlift.verify.recheck import Edits, Found, PlainDigest, Sum, recheck

_TELL_EVERY = 1000
_PIECE = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to check.

    Attributes:
        receipt: The ``.json`` file; what belongs to it lies beside it.
        root: A system's root directory to compare with.
        images: Disk images to compare with, one a disk in the plan's order.
        key: Fingerprint that the signing key must have; empty: any.
        most: Differences listed of each volume and sort.
        scratch: For raw copies of qcow2 images.
    """

    receipt: Path
    root: Path | None = None
    images: tuple[Path, ...] = ()
    key: str = ""
    most: int = 20
    scratch: Path = SCRATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The outcome.

    Attributes:
        key: Fingerprint of the key that signed.
        problems: What is wrong with the receipt's own files, each with the file's name.
        volumes: What the tree or the images hold; empty when there was nothing to compare with.
    """

    receipt: Receipt
    key: str
    problems: tuple[str, ...]
    volumes: tuple[Found, ...] = field(default=())

    @property
    def good(self) -> bool:
        """True when the receipt is whole and everything it was compared with is equal."""
        return not self.problems and all(v.equal for v in self.volumes)


def verify(wish: Wish, sink: EventSink = discard) -> Verification:
    """Check a receipt, and what it was asked to be compared with.

    Raises:
        ConfigError: The wish contradicts itself or the receipt.
        StateError: The receipt, its signature or its key cannot be read.
        VerifyError: The signature does not fit: nothing in the receipt means anything.
        HostError: A tree or an image cannot be read.
    """
    if wish.root is not None and wish.images:
        raise ConfigError("give either --root or --image, not both", subject="--root")
    if wish.root is not None and not wish.root.is_dir():
        raise ConfigError("is not a directory", subject=f"--root {wish.root}")
    signed = read_receipt(wish.receipt)
    if wish.key and signed.key != wish.key.replace(":", "").lower():
        raise VerifyError(f"was signed by another key: {signed.key}", subject=str(wish.receipt))
    receipt = signed.receipt
    problems = tuple(_problems(wish.receipt, receipt))
    found: tuple[Found, ...] = ()
    if not problems and wish.root is not None:
        found = _with_root(wish, wish.root, receipt, sink)
    elif not problems and wish.images:
        found = _with_images(wish, receipt, sink)
    return Verification(receipt=receipt, key=signed.key, problems=problems, volumes=found)


def _problems(file: Path, receipt: Receipt) -> Iterator[str]:
    """What does not fit among the receipt's own files."""
    told = {d.volume for d in receipt.differences}
    known = {e.volume: e for e in receipt.evidence}
    for volume in receipt.volumes:
        if volume.source_root != volume.target_root and volume.volume not in told:
            yield f"{file.name}: the roots of {volume.volume} differ, and it does not say why"
        evidence = known.get(volume.volume)
        if evidence is None:
            yield f"{file.name}: names no entries of {volume.volume}"
            continue
        try:
            _prove(file, evidence, volume)
        except (VerifyError, ProtocolError) as error:
            yield f"{evidence.file}: {error.message}"


def _prove(file: Path, evidence: Evidence, volume: VolumeReceipt) -> None:
    prove_entries(_beside(file, evidence), evidence.blake3)
    total = Sum()
    for _ in total.over(_entries(file, evidence)):
        pass
    if (total.root, total.entries) != (volume.source_root, volume.entries):
        raise VerifyError("its entries do not make the root that was signed")


def _beside(file: Path, evidence: Evidence) -> Path:
    """Only a name: what a receipt says must not lead into another folder."""
    return file.parent / Path(evidence.file).name


def _entries(file: Path, evidence: Evidence) -> Iterator[Entry]:
    return unpack_entries(read_pieces(_beside(file, evidence)))


def _with_root(wish: Wish, root: Path, receipt: Receipt, sink: EventSink) -> tuple[Found, ...]:
    known = {e.volume: e for e in receipt.evidence}
    judge = _Judge(wish, receipt, sink)
    return tuple(
        judge.volume(
            v, folder_in(root, v.mount_point), live_entries(root, v.mount_point, known[v.volume])
        )
        for v in receipt.volumes
    )


def _with_images(wish: Wish, receipt: Receipt, sink: EventSink) -> tuple[Found, ...]:
    """In a thread of its own: the mount namespace that it takes goes with it, ours stays."""
    commands = SystemCommands()
    judge = _Judge(wish, receipt, sink)

    def judged(images: RawImages) -> tuple[Found, ...]:
        with mounted_images(images, receipt.evidence, commands=commands) as places:
            return tuple(
                judge.volume(v, places[v.volume], _reread(places[v.volume], v, receipt.evidence))
                for v in receipt.volumes
            )

    with (
        raw_images(
            wish.images, receipt.evidence, commands=commands, scratch=wish.scratch
        ) as images,
        ThreadPoolExecutor(1, "images") as apart,
    ):
        try:
            return apart.submit(judged, images).result()
        finally:
            judge.stop.set()  # who presses Ctrl-C need not wait for the last file


def _reread(place: Path, volume: VolumeReceipt, evidence: Sequence[Evidence]) -> Iterator[Entry]:
    own = next(e for e in evidence if e.volume == volume.volume)
    same = [e.subvolume for e in evidence if (e.disk, e.start) == (own.disk, own.start)]
    apart = nested(own.subvolume.strip("/"), [s.strip("/") for s in same])
    return reread(place, drop_caches=False, leaves_out=outside(apart))


class _Judge:
    """Compares volumes with their entries; ``stop`` ends it at the next object."""

    def __init__(self, wish: Wish, receipt: Receipt, sink: EventSink) -> None:
        self.stop = threading.Event()
        self._wish = wish
        self._receipt = receipt
        self._sink = sink
        self._known = {e.volume: e for e in receipt.evidence}

    def volume(self, volume: VolumeReceipt, place: Path, there: Iterator[Entry]) -> Found:
        """What ``place`` holds, read as ``there``, against the signed entries."""
        return recheck(
            volume,
            _entries(self._wish.receipt, self._known[volume.volume]),
            self._told(there, volume),
            Edits(self._receipt.edits, volume.mount_point, _plain_digest(place)),
            known=self._receipt.differences,
            most=self._wish.most,
        )

    def _told(self, entries: Iterator[Entry], volume: VolumeReceipt) -> Iterator[Entry]:
        """The same entries; how far they are is told on the way."""
        label, done = f"reading {volume.mount_point}", 0
        for count, entry in enumerate(entries):
            if self.stop.is_set():
                raise Interrupted("stopped while reading")
            done += entry.size if not entry.link_of else 0
            if count % _TELL_EVERY == 0:
                self._sink(Progress("verify", label, min(done, volume.bytes), volume.bytes))
            yield entry


def _plain_digest(top: Path) -> PlainDigest:
    """Digests over the plain bytes of a few files of a volume."""

    def digest(path: bytes) -> str:
        with opened_tree(top) as root:
            directories = Directories(root)
            try:
                directory, name = directories.locate(path)
                with open(os.open(name, _READ, dir_fd=directory), "rb") as file:
                    whole = blake3()
                    while piece := file.read(_PIECE):
                        whole.update(piece)
                    return whole.hexdigest()
            finally:
                directories.clear()

    return digest
