# SPDX-License-Identifier: Apache-2.0
"""Every way to change a tree, and what `lstat` says of all of it before and after."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import random
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hostlift.replicate.changes import KnownInode
from hostlift.replicate.fs.kernel import KEEP_SIZE, PUNCH_HOLE, fallocate, get_flags, set_flags

_NODUMP = 0x40
_FICLONE = 0x40049409


@dataclass(frozen=True)
class Sight:
    """A whole file system as `lstat` shows it.

    Attributes:
        inodes: By number.
        names: What each directory holds: name to inode number.
    """

    inodes: dict[int, KnownInode]
    names: dict[int, dict[str, int]]

    def changed_since(self, before: Sight) -> set[int]:
        """Inodes of then that have another change time, size or content of names now."""
        return {
            ino
            for ino, known in before.inodes.items()
            if ino in self.inodes
            and (self.inodes[ino] != known or self.names.get(ino) != before.names.get(ino))
        }

    def gone_since(self, before: Sight) -> set[int]:
        """Inodes of then that are not there now."""
        return before.inodes.keys() - self.inodes.keys()

    def above(self, ino: int) -> set[int]:
        """Directories that hold a name of this inode."""
        return {d for d, names in self.names.items() if ino in names.values()}


def known_inode(st: os.stat_result) -> KnownInode:
    """As the manifest would keep it."""
    return KnownInode(st.st_ino, st.st_ctime_ns, st.st_size if stat.S_ISREG(st.st_mode) else 0)


def see(root: Path) -> Sight:
    """Look at everything on the file system of ``root``."""
    top = root.lstat()
    sight = Sight({top.st_ino: known_inode(top)}, {})
    below = [(root, top.st_ino)]
    while below:
        folder, number = below.pop()
        names = sight.names[number] = {}
        for entry in sorted(os.listdir(folder)):
            st = (folder / entry).lstat()
            if st.st_dev != top.st_dev:
                continue
            names[entry] = st.st_ino
            sight.inodes[st.st_ino] = known_inode(st)
            if stat.S_ISDIR(st.st_mode):
                below.append((folder / entry, st.st_ino))
    return sight


def rest(sight: Sight, *, whole_seconds: bool) -> None:
    """Until the file system's clock has left the newest change time behind."""
    unit = 1_000_000_000 if whole_seconds else 1
    newest = max(inode.ctime_ns for inode in sight.inodes.values()) // unit
    # Change times come from a clock that ticks every 1-10 ms.
    while (time.time_ns() - 12_000_000) // unit <= newest:
        time.sleep(0.002)


@dataclass
class Shaker:
    """Changes a tree at random, from a seed.

    Attributes:
        mapped: Shared mappings that stay open from round to round.
        opened: Descriptors of files that lost their last name.
    """

    root: Path
    random: random.Random
    mapped: list[mmap.mmap] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    made: int = 0

    def build(self, folders: int = 6, files: int = 6) -> None:
        """Some directories with files to begin with."""
        for number in range(folders):
            folder = self.root / f"folder{number}"
            folder.mkdir()
            for _ in range(files):
                self._new(folder).write_bytes(bytes(self.random.randrange(9000)))
            (folder / "link").symlink_to("x" * self.random.choice((5, 70)))

    def close(self) -> None:
        for one in self.mapped:
            one.close()
        for fd in self.opened:
            os.close(fd)

    def shake(self, name: str) -> None:
        """One change of a kind in `WAYS`; what the file system cannot do is left out."""
        try:
            WAYS[name](self)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.ENOTTY}:
                raise

    def _new(self, folder: Path) -> Path:
        self.made += 1
        return folder / f"new{self.made}"

    def _folders(self) -> list[Path]:
        return [Path(d) for d, _, _ in os.walk(self.root) if Path(d) != self.root]

    def folder(self) -> Path:
        """Any directory; there is always one."""
        found = sorted(self._folders())
        if not found:
            found = [self._new(self.root)]
            found[0].mkdir()
        return self.random.choice(found)

    def file(self) -> Path:
        """Any regular file; there is always one."""
        found = sorted(
            Path(d) / n
            for d, _, names in os.walk(self.root)
            for n in names
            if stat.S_ISREG((Path(d) / n).lstat().st_mode)
        )
        if found:
            return self.random.choice(found)
        made = self._new(self.folder())
        made.write_bytes(b"made")
        return made

    def any(self) -> Path:
        return self.random.choice((self.file, self.folder))()

    def write(self) -> None:
        """In place, at the same size."""
        path = self.file()
        with path.open("r+b") as file:
            file.write(self.random.randbytes(min(100, path.stat().st_size) or 1))

    def append(self) -> None:
        with self.file().open("ab") as file:
            file.write(self.random.randbytes(self.random.choice((1, 5000, 100_000))))

    def truncate(self) -> None:
        path = self.file()
        os.truncate(path, self.random.choice((0, path.stat().st_size // 2, 70_000)))

    def map(self) -> None:
        """A store through a new shared mapping, which stays."""
        path = self.file()
        if path.stat().st_size == 0:
            path.write_bytes(bytes(5000))
        with path.open("r+b") as file:
            self.mapped.append(mmap.mmap(file.fileno(), 0))
        self.mapped[-1][0] ^= 1

    def store(self) -> None:
        """Again through one from before: its page may be dirty already."""
        for one in self.mapped[-4:]:
            with contextlib.suppress(ValueError):
                if one.size() >= len(one):
                    one[0] ^= 1

    def chmod(self) -> None:
        path = self.any()
        path.chmod(stat.S_IMODE(path.stat().st_mode) ^ 0o022)

    def chown(self) -> None:
        os.chown(self.any(), self.random.randrange(9), 7, follow_symlinks=False)

    def attribute(self) -> None:
        path = self.any()
        value = self.random.randbytes(self.random.choice((3, 900)))
        os.setxattr(path, b"user.shaken", value)

    def flags(self) -> None:
        fd = os.open(self.any(), os.O_RDONLY)
        try:
            set_flags(fd, get_flags(fd) ^ _NODUMP)
        finally:
            os.close(fd)

    def times(self) -> None:
        """Set back; the change time is the only trace."""
        os.utime(self.any(), ns=(1, self.random.randrange(10**18)))

    def rename(self) -> None:
        path = self.file()
        path.rename(self._new(path.parent))

    def move(self) -> None:
        """To another directory, as likely as not over something."""
        path, folder = self.file(), self.folder()
        if self.random.random() < 0.5:
            path.rename(self._new(folder))
        else:
            path.replace(self.file())

    def move_folder(self) -> None:
        path, folder = self.folder(), self.folder()
        if path != folder and path not in folder.parents:
            path.rename(self._new(folder))

    def link(self) -> None:
        self._new(self.folder()).hardlink_to(self.file())

    def create(self) -> None:
        folder = self.folder()
        self._new(folder).write_bytes(b"new")
        os.mknod(self._new(folder), 0o010600)
        self._new(folder).symlink_to("somewhere")
        self._new(folder).mkdir()

    def many(self) -> None:
        """Enough new inodes for whole new pieces of an inode table."""
        folder = self._new(self.folder())
        folder.mkdir()
        for _ in range(150):
            os.mknod(self._new(folder), 0o100644)

    def unlink(self) -> None:
        self.file().unlink()

    def unlink_open(self) -> None:
        """The inode lives on without a name."""
        path = self.file()
        self.opened.append(os.open(path, os.O_RDWR))
        path.unlink()
        os.write(self.opened[-1], b"still here")

    def recreate(self) -> None:
        """The same name at once: most file systems give the same inode again."""
        path = self.file()
        path.unlink()
        path.write_bytes(b"another")

    def remove_tree(self) -> None:
        self._remove(self.folder())

    def _remove(self, folder: Path) -> None:
        for entry in list(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                self._remove(entry)
            else:
                entry.unlink()
        folder.rmdir()

    def swap(self) -> None:
        """A directory becomes a file, a file a directory."""
        folder = self.folder()
        self._remove(folder)
        folder.write_bytes(b"was a directory")
        path = self.file()
        path.unlink()
        path.mkdir()

    def reserve(self) -> None:
        with self.file().open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, 300_000)

    def punch(self) -> None:
        path = self.file()
        with path.open("r+b") as file:
            file.write(b"x" * 20_000)
            file.flush()
            fallocate(file.fileno(), PUNCH_HOLE | KEEP_SIZE, 4096, 8192)

    def clone(self) -> None:
        """Blocks of another file instead of its own."""
        source, target = self.file(), self.file()
        if source == target:
            return
        with source.open("rb") as a, target.open("r+b") as b:
            b.truncate(0)  # the last block of a clone must be the last of the file
            fcntl.ioctl(b.fileno(), _FICLONE, a.fileno())


WAYS: dict[str, Callable[[Shaker], None]] = {
    way.__name__: way
    for way in (
        Shaker.write,
        Shaker.append,
        Shaker.truncate,
        Shaker.map,
        Shaker.store,
        Shaker.chmod,
        Shaker.chown,
        Shaker.attribute,
        Shaker.flags,
        Shaker.times,
        Shaker.rename,
        Shaker.move,
        Shaker.move_folder,
        Shaker.link,
        Shaker.create,
        Shaker.many,
        Shaker.unlink,
        Shaker.unlink_open,
        Shaker.recreate,
        Shaker.remove_tree,
        Shaker.swap,
        Shaker.reserve,
        Shaker.punch,
        Shaker.clone,
    )
}
