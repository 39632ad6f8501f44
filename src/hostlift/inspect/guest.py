# SPDX-License-Identifier: Apache-2.0
"""Reading the source's files, live or below a mount; links never lead out of its root.

Everything is optional here: what is missing or unreadable reads as nothing, because inspection
describes what it finds and leaves the judgement to the checks.
"""

from __future__ import annotations

import glob
import os
import stat
from dataclasses import dataclass
from pathlib import Path

_MAX_LINKS = 40
_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Guest:
    """The source's tree, mounted at ``root``. Paths given are absolute within the source."""

    root: Path

    def locate(self, path: str) -> Path | None:
        """Where an object is for us, its last component not followed; None when it is missing."""
        real = self._resolve(path)
        return real if real is not None and os.path.lexists(real) else None

    def exists(self, path: str) -> bool:
        """True when there is something."""
        return self.locate(path) is not None

    def data(self, path: str, limit: int = _LARGEST) -> bytes:
        """Up to ``limit`` bytes of a regular file; empty when there is none."""
        real = self._resolve(path)
        if real is None:
            return b""
        try:
            # Never block on a pipe or device that a guest may have put in a file's place.
            fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return b""
        with os.fdopen(fd, "rb") as file:
            return file.read(limit) if stat.S_ISREG(os.fstat(fd).st_mode) else b""

    def text(self, path: str) -> str:
        """A file as text, undecodable bytes replaced."""
        return self.data(path).decode("utf-8", "replace")

    def names(self, path: str) -> list[str]:
        """Names in a directory, sorted; empty when there is none."""
        real = self._resolve(path)
        try:
            return sorted(os.listdir(real)) if real is not None else []
        except OSError:
            return []

    def glob(self, pattern: str) -> list[str]:
        """Paths within the source that match, sorted; only the last link of a path is followed."""
        base = str(self.root).rstrip("/")
        found = glob.glob(glob.escape(base) + pattern)
        return sorted(p[len(base) :] for p in found)

    def _resolve(self, path: str) -> Path | None:
        """The path with every link followed inside the root."""
        todo = [p for p in reversed(path.split("/")) if p]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part in (".", ".."):
                del done[len(done) - (part == "..") :]
                continue
            here = self.root.joinpath(*done, part)
            try:
                target = os.readlink(here)
            except OSError:
                done.append(part)
                continue
            links += 1
            if links > _MAX_LINKS:
                return None
            if target.startswith("/"):
                done.clear()
            todo.extend(p for p in reversed(target.split("/")) if p)
        return self.root.joinpath(*done)
