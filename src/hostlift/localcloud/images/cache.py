# SPDX-License-Identifier: Apache-2.0
"""Where built images live.

An image is a folder named by what it was made from. It is filled beside its final place and
renamed when complete, so a folder that exists is whole; what a killed build left is removed by
the next one. Builders of the same image wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands

Progress = Callable[[str], None]
"""Takes one line for the person who waits."""


def folder() -> Path:
    """The cache folder for images: ``$XDG_CACHE_HOME/hostlift/images``."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "hostlift" / "images"


def key_of(name: str, words: Iterable[str], files: Path) -> str:
    """Name of an image's folder: ``name`` and a digest of ``words`` and of every file in ``files``."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in sorted(p for p in files.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        digest.update(f"\0{path.relative_to(files)}\0{path.stat().st_mode & 0o111:o}\0".encode())
        digest.update(path.read_bytes())
    return f"{name}-{digest.hexdigest()[:16]}"


def build_once(key: str, fill: Callable[[Path], None]) -> Path:
    """The finished folder of ``key``; ``fill`` makes its content when it does not exist yet.

    Args:
        fill: Gets an empty folder on the same file system, renamed to its final name afterwards.

    Raises:
        HostError: The cache folder cannot be written.
    """
    final = folder() / key
    with _locked(key):
        if final.is_dir():
            return final
        _discard(d for d in folder().glob(f".{key}.*") if d.is_dir())
        draft = folder() / f".{key}.{os.getpid()}"
        draft.mkdir(mode=0o700)
        try:
            fill(draft)
            draft.rename(final)
        finally:
            _discard([draft])
    return final


def remove(tree: Path) -> None:
    """Delete a root tree, never reaching into something mounted there."""
    _discard([tree])


@contextlib.contextmanager
def _locked(key: str) -> Iterator[None]:
    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock = (folder() / f".{key}.lock").open("w")
    except OSError as error:
        raise HostError(
            f"the image cache cannot be written: {error.strerror}",
            subject=str(folder()),
            hint="Make it writable, or name another place in XDG_CACHE_HOME.",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _discard(drafts: Iterable[Path]) -> None:
    # Never across a mount: a draft holds a root tree, and a builder may have been killed in it.
    found = [str(d) for d in drafts if d.is_dir()]
    if found:
        SystemCommands().run(["rm", "-rf", "--one-file-system", "--", *found], timeout=300)
