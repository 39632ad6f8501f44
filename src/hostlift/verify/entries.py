# SPDX-License-Identifier: Apache-2.0
"""The files beside a receipt: what every volume held, small enough to keep and signed by digest.

What the bytes mean (packed entries, compressed) is the caller's; here they are written so that a
crash leaves no half of them, and are proved to be what the receipt signed before anyone reads them.
Memory is one piece, whatever the size of the file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from blake3 import blake3

from hostlift.errors import StateError, VerifyError
from hostlift.host.files import fsync_folder

_PIECE = 1 << 18


def write_entries(file: Path, pieces: Iterable[bytes]) -> str:
    """Write ``pieces`` as ``file``; what it was is replaced at once, when all of it is durable.

    Returns:
        blake3 of the file's bytes, hex.

    Raises:
        StateError: The folder cannot be written.
    """
    new = file.with_name(f".{file.name}.new")
    whole = blake3()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for piece in pieces:
                whole.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
        fsync_folder(file.parent)
    except OSError as error:
        raise StateError(f"cannot be written: {error.strerror}", subject=str(file)) from error
    return whole.hexdigest()


def prove_entries(file: Path, digest: str) -> None:
    """Nothing when ``file`` has the bytes whose blake3 (hex) was signed.

    Raises:
        VerifyError: It has others, or is missing; ``subject`` is the file.
    """
    whole = blake3()
    try:
        for piece in read_pieces(file):
            whole.update(piece)
    except OSError as error:
        raise VerifyError(f"cannot be read: {error.strerror}", subject=str(file)) from error
    if whole.hexdigest() != digest:
        raise VerifyError("is not the file that was signed", subject=str(file))


def read_pieces(file: Path) -> Iterator[bytes]:
    """The file's bytes in order."""
    with file.open("rb") as found:
        while piece := found.read(_PIECE):
            yield piece
