# SPDX-License-Identifier: Apache-2.0
"""One disk onto another, byte by byte, read back from the target's disk and compared.

What is the same already is not written again: an interrupted cloning goes on where it was, at the
price of reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from blake3 import blake3

from hostlift.errors import HostError
from hostlift.host.blockdev import device_size, flush, is_in_use
from hostlift.remote.messages import Cloned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostlift.agent.jobs import Tell

_CHUNK = 4 << 20
_TELL_EVERY = 64


def clone(source: str, target: str, tell: Tell) -> Cloned:
    """Make the first bytes of ``target`` those of ``source``.

    Args:
        source: A device that nobody writes to.
        target: A device of at least its size that nobody uses.
        tell: Hears the progress, in bytes read and compared.

    Raises:
        HostError: The target is in use or too small, or holds something else when it is read back.
    """
    size = device_size(source)
    if is_in_use(target):
        raise HostError("is mounted or in use; nothing was written", subject=target)
    if device_size(target) < size:
        text = f"has {device_size(target)} bytes, fewer than the {size} of the disk to be copied"
        raise HostError(text, subject=target)
    flush(source)
    flush(target)
    digest, written = _write(source, target, size, tell)
    flush(target)
    if _digest(target, size, tell) != digest:
        raise HostError(
            "holds something else than was written to it",
            subject=target,
            hint="Run the same command again; if it happens again, the disk is broken.",
        )
    return Cloned(bytes=size, written=written, digest=digest)


def _write(source: str, target: str, size: int, tell: Tell) -> tuple[str, int]:
    hasher, written, done = blake3(max_threads=blake3.AUTO), 0, 0
    with open(source, "rb") as reads, open(target, "r+b") as writes:
        for number, piece in enumerate(_pieces(reads, size)):
            hasher.update(piece)
            writes.seek(done)
            if writes.read(len(piece)) != piece:
                writes.seek(done)
                writes.write(piece)
                written += len(piece)
            done += len(piece)
            if number % _TELL_EVERY == 0:
                tell("copying the system disk", done, 2 * size, "bytes")
    return hasher.hexdigest(), written


def _digest(device: str, size: int, tell: Tell) -> str:
    hasher, done = blake3(max_threads=blake3.AUTO), 0
    with open(device, "rb") as reads:
        for number, piece in enumerate(_pieces(reads, size)):
            hasher.update(piece)
            done += len(piece)
            if number % _TELL_EVERY == 0:
                tell("reading the copy back", size + done, 2 * size, "bytes")
    return hasher.hexdigest()


def _pieces(file: BinaryIO, most: int) -> Iterator[bytes]:
    while most > 0 and (piece := file.read(min(_CHUNK, most))):
        yield piece
        most -= len(piece)
