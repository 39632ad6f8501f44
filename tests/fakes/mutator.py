# SPDX-License-Identifier: Apache-2.0
"""Changes a tree in every way, at random and repeatably."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import shutil
from pathlib import Path

MIB = 1 << 20
NAMES = ("a", "b", "c", "d")


class Mutator:
    """Changes a tree at random, repeatably.

    Args:
        maps: Store to mapped pages too. In memory (tmpfs) such a store leaves no trace: nothing is
            ever written back there.
    """

    def __init__(self, root: Path, seed: int, *, maps: bool = True) -> None:
        self.root = root
        self.maps = maps
        self.random = random.Random(seed)
        self.page: mmap.mmap | None = None

    def path(self) -> Path:
        depth = self.random.randint(1, 3)
        return self.root.joinpath(*(self.random.choice(NAMES) for _ in range(depth)))

    def clear(self, path: Path) -> bool:
        """Make room for something at a path; False when a parent is no directory (or a link)."""
        if any(p.is_symlink() for p in path.parents if p.is_relative_to(self.root)):
            return False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            return False
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or path.exists():
            path.unlink()
        return True

    def one(self) -> None:
        choices = [
            self.small, self.small, self.small, self.large, self.folder, self.symlink, self.fifo,
            self.link, self.link, self.rename, self.rename, self.remove, self.touch, self.mode,
            self.patch, self.patch, self.patch, self.resize, self.attribute, self.punch,
            self.store, self.store, self.recreate, self.owner,
        ]  # fmt: skip
        self.random.choice(choices)()

    def small(self) -> None:
        path = self.path()
        if self.clear(path):
            path.write_bytes(self.random.randbytes(self.random.choice([0, 1, 100, 5000, 70_000])))

    def large(self) -> None:
        path = self.path()
        if self.clear(path):
            with path.open("wb") as file:
                file.truncate(8 * MIB + self.random.choice([0, 1, MIB, 3 * MIB + 77]))
            self.write_some(path)

    def write_some(self, path: Path) -> None:
        size = path.stat().st_size
        with path.open("r+b") as file:
            for _ in range(self.random.randint(1, 3)):
                file.seek(self.random.randrange(max(1, size)))
                file.write(self.random.randbytes(self.random.choice([1, 4096, 300_000])))

    def files(self) -> list[Path]:
        return sorted(p for p in self.anything() if p.is_file())

    def anything(self) -> list[Path]:
        """All but links and the mapped file."""
        mapped = self.root / "mapped"
        return sorted(p for p in self.root.rglob("*") if not p.is_symlink() and p != mapped)

    def some(self, paths: list[Path]) -> Path | None:
        return self.random.choice(paths) if paths else None

    def patch(self) -> None:
        if path := self.some(self.files()):
            self.write_some(path)

    def resize(self) -> None:
        if path := self.some(self.files()):
            os.truncate(path, self.random.choice([0, 10, 8 * MIB, 9 * MIB + 5, 8 * MIB - 1]))

    def punch(self) -> None:
        large = [p for p in self.files() if p.stat().st_size >= 8 * MIB]
        if path := self.some(large):
            size = path.stat().st_size
            at = self.random.randrange(8) * MIB
            os.truncate(path, at)
            os.truncate(path, size)

    def folder(self) -> None:
        path = self.path()
        if self.clear(path):
            path.mkdir()

    def symlink(self) -> None:
        path = self.path()
        if self.clear(path):
            path.symlink_to(self.random.choice(["/nonexistent", "..", "b", "missing"]))

    def fifo(self) -> None:
        path = self.path()
        if self.clear(path):
            os.mkfifo(path)

    def link(self) -> None:
        old, new = self.some(self.files()), self.path()
        if old and old != new and new not in old.parents and self.clear(new) and old.exists():
            os.link(old, new)

    def rename(self) -> None:
        old, new = self.some(self.anything()), self.path()
        if old is None or new == old or new in old.parents or old in new.parents:
            return
        if self.clear(new) and old.exists():
            old.rename(new)

    def remove(self) -> None:
        if path := self.some(self.anything()):
            self.clear(path)

    def touch(self) -> None:
        if path := self.some(self.anything()):
            when = self.random.randrange(-(10**18), 2 * 10**18)
            os.utime(path, ns=(when, when))

    def mode(self) -> None:
        if path := self.some(self.anything()):
            path.chmod(self.random.choice([0o755, 0o700, 0o4711, 0o1777]))

    def attribute(self) -> None:
        if path := self.some(self.files()):
            with contextlib.suppress(OSError):
                os.setxattr(path, "trusted.t", self.random.randbytes(self.random.randrange(20)))

    def store(self) -> None:
        """Store into a mapped page, which may be dirty already.

        The file is one that nothing else changes: a store beyond the end of a file kills.
        """
        if not self.maps:
            return
        if self.page is None:
            with (self.root / "mapped").open("w+b") as file:
                file.write(bytes(8192))
                file.flush()
                self.page = mmap.mmap(file.fileno(), 0)
        self.page[self.random.randrange(8192)] = self.random.randrange(256)

    def recreate(self) -> None:
        """Another object at once where one was: it may well get the same inode number."""
        if path := self.some(self.anything()):
            self.clear(path)
            if self.random.random() < 0.5:
                path.mkdir()
            else:
                path.write_bytes(self.random.randbytes(50))

    def owner(self) -> None:
        if path := self.some(self.anything()):
            os.chown(path, self.random.randrange(70_000), self.random.randrange(70_000))
