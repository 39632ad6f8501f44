# SPDX-License-Identifier: Apache-2.0
"""Applies operations to a mounted volume. One instance serves one connection.

Every object is reached by descriptors from the volume's root without following symbolic links. New
names are written directly; what exists is replaced by a file made in `RESERVED` and renamed. What
stands in the way (another kind of object, an immutable flag) is moved out of it: every operation
ends in the state it describes, or in a `Snag`, and may be applied again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable

from blake3 import blake3

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, Kind
from hostlift.replicate import ops
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.attributes import Applier
from hostlift.replicate.fs.directories import Directories
from hostlift.replicate.protocol import Trouble
from hostlift.replicate.receiving.removal import remove_tree, unlock
from hostlift.replicate.source import RESERVED

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TYPES = {
    Kind.CHAR_DEVICE: stat.S_IFCHR,
    Kind.BLOCK_DEVICE: stat.S_IFBLK,
    Kind.FIFO: stat.S_IFIFO,
    Kind.SOCKET: stat.S_IFSOCK,
}


class Snag(Exception):
    """An operation that did not (wholly) succeed, for the sender to deal with."""

    def __init__(self, trouble: Trouble, reason: str) -> None:
        super().__init__(reason)
        self.trouble = trouble
        self.reason = reason


class Target:
    """A volume being written.

    Args:
        root: Descriptor of its root; it stays the caller's.
        tag: Makes the names of half-made files unique among connections.
    """

    def __init__(self, root: int, tag: str) -> None:
        self._root = root
        self._tag = tag.encode()
        self._made = 0
        self._directories = Directories(root)
        self._staging = -1
        self._open: dict[bytes, tuple[int, bool]] = {}

    def close(self) -> None:
        """Give up every descriptor."""
        self.forget()

    def forget(self) -> None:
        """Names may stand for other objects from now on: a new phase begins."""
        self._directories.clear()
        while self._open:
            os.close(self._open.popitem()[1][0])
        if self._staging >= 0:
            os.close(self._staging)
            self._staging = -1

    def apply(self, op: ops.Op, data: memoryview) -> None:
        """Do one operation; ``data`` are its own.

        Raises:
            Snag: It did not, or not wholly, succeed.
            OSError: The file system as a whole is in trouble, or the operation is refused.
        """
        if isinstance(op, ops.PutFile):
            self._put_file(op, data)
        elif isinstance(op, ops.Chunk):
            self._chunk(op, data)
        elif isinstance(op, ops.Begin | ops.Punch | ops.Finish):
            self._large(op)
        else:
            self._other(op)

    def _large(self, op: ops.Begin | ops.Punch | ops.Finish) -> None:
        match op:
            case ops.Begin():
                self._begin(op)
            case ops.Punch():
                content.punch(self._opened(op.path)[0], op.offset, op.length)
            case ops.Finish():
                self._finish(_entry(op.entry))

    def _other(
        self,
        op: ops.PutNode | ops.SetMeta | ops.Link | ops.MakeDirectory | ops.Remove | ops.Clean,
    ) -> None:
        match op:
            case ops.PutNode():
                self._put_node(_entry(op.entry))
            case ops.SetMeta():
                self._set_meta(_entry(op.entry))
            case ops.Link():
                self._link(op)
            case ops.MakeDirectory():
                self._make_directory(op.path)
            case ops.Remove():
                self._remove(op.path)
            case ops.Clean():
                self.clean()

    def clean(self) -> None:
        """Remove what half-made files there are, and their folder."""
        self.forget()
        remove_tree(self._root, RESERVED)

    # Small files and other objects

    def _put_file(self, op: ops.PutFile, data: memoryview) -> None:
        entry = _entry(op.entry)
        if op.ranges is None:
            whole: memoryview | bytearray = data
        else:
            whole = _spread(entry.size, op.ranges, data)
        if len(whole) != entry.size or content.digest_of(whole) != entry.content:
            raise Snag(Trouble.MISMATCH, "content differs from its digest")
        applier = Applier()

        def make(directory: int, name: bytes) -> None:
            fd = os.open(name, _NEW, entry.meta.mode & 0o777, dir_fd=directory)
            try:
                attributes.set_nocow(fd, entry.meta.flags)
                self._fill(fd, op, entry, data, applier)
                applier.opened(fd, entry.meta, pin=False)
            finally:
                os.close(fd)

        self._place(entry.path, make, known=op.known)
        _report(applier)

    @staticmethod
    def _fill(fd: int, op: ops.PutFile, entry: Entry, data: memoryview, applier: Applier) -> None:
        refused = content.preallocate(fd, op.reserved)
        if refused:
            applier.refused.append(refused)
        if op.ranges is None:
            content.write_range(fd, data, 0)
            return
        os.ftruncate(fd, entry.size)
        at = 0
        for offset, length in op.ranges:
            content.write_range(fd, data[at : at + length], offset)
            at += length

    def _put_node(self, entry: Entry) -> None:
        applier = Applier()

        def make(directory: int, name: bytes) -> None:
            if entry.kind is Kind.SYMLINK:
                os.symlink(entry.target, name, dir_fd=directory)
            else:
                mode = _TYPES[entry.kind] | 0o600
                os.mknod(name, mode, os.makedev(*entry.device), dir_fd=directory)
            applier.named(directory, name, entry.meta, entry.kind)

        if entry.kind is not Kind.SYMLINK and entry.kind not in _TYPES:
            raise ProtocolError("neither a link nor a device")
        self._place(entry.path, make, known=False)
        _report(applier)

    def _place(self, path: bytes, make: Callable[[int, bytes], None], *, known: bool) -> None:
        """Put a new object at ``path``: directly when nothing is there, else by renaming."""
        directory, name = self._directories.locate(path)
        if not known:
            try:
                make(directory, name)
            except FileExistsError:
                pass
            except PermissionError:
                if not unlock(directory, name):
                    raise
            else:
                return
        folder = self._folder()
        spare = self._spare()
        try:
            make(folder, spare)
            self._rename(folder, spare, directory, name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(spare, dir_fd=folder)
            raise

    @staticmethod
    def _rename(folder: int, spare: bytes, directory: int, name: bytes) -> None:
        for last in (False, True):
            try:
                os.rename(spare, name, src_dir_fd=folder, dst_dir_fd=directory)
            except IsADirectoryError:
                remove_tree(directory, name)
            except PermissionError:
                if last or not unlock(directory, name):
                    raise
            else:
                return
        os.rename(spare, name, src_dir_fd=folder, dst_dir_fd=directory)

    def _folder(self) -> int:
        if self._staging < 0:
            with contextlib.suppress(FileExistsError):
                self._unlocking(
                    self._root, b".", lambda: os.mkdir(RESERVED, 0o700, dir_fd=self._root)
                )
            self._staging = self._directories_once(RESERVED)
        return self._staging

    def _directories_once(self, path: bytes) -> int:
        return os.dup(self._directories.open(path))

    def _spare(self) -> bytes:
        self._made += 1
        return b"%s.%d" % (self._tag, self._made)

    @staticmethod
    def _unlocking(directory: int, name: bytes, action: Callable[[], None]) -> None:
        try:
            action()
        except PermissionError:
            if not unlock(directory, name):
                raise
            action()

    def _link(self, op: ops.Link) -> None:
        head_directory, head = self._directories.locate(op.head)
        directory, name = self._directories.locate(op.path)

        def make(where: int, what: bytes) -> None:
            os.link(head, what, src_dir_fd=head_directory, dst_dir_fd=where, follow_symlinks=False)

        try:
            there = os.stat(head, dir_fd=head_directory, follow_symlinks=False)
        except FileNotFoundError as error:
            raise Snag(Trouble.MISSING, "the file it is a link to is not there") from error
        with contextlib.suppress(FileNotFoundError):
            here = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
                return
        try:
            self._place(op.path, make, known=False)
        except PermissionError:
            if not unlock(head_directory, head):
                raise
            self._place(op.path, make, known=False)

    # Directories, removal, final metadata

    def _make_directory(self, path: bytes) -> None:
        if path == b".":
            return
        directory, name = self._directories.locate(path)
        for _ in range(3):
            try:
                os.mkdir(name, 0o700, dir_fd=directory)
            except FileExistsError:
                st = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISDIR(st.st_mode):
                    return
                remove_tree(directory, name)
            except PermissionError:
                if not unlock(directory, name):
                    raise
            else:
                return

    def _remove(self, path: bytes) -> None:
        if path == b".":
            raise ProtocolError("the root cannot be removed")
        try:
            directory, name = self._directories.locate(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno == errno.ELOOP:
                return
            raise
        remove_tree(directory, name)

    def _set_meta(self, entry: Entry) -> None:
        applier = Applier()
        if entry.kind is Kind.DIRECTORY:
            applier.opened(self._directories.open(entry.path), entry.meta, pin=True)
        else:
            directory, name = self._directories.locate(entry.path)
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
            try:
                applier.opened(fd, entry.meta, pin=True)
            finally:
                os.close(fd)
        _report(applier)

    # Large files

    def _begin(self, op: ops.Begin) -> None:
        if op.path in self._open:
            os.close(self._open.pop(op.path)[0])
        directory, name = self._directories.locate(op.path)
        if op.create:
            remove_tree(directory, name)
            flags = _NEW & ~os.O_WRONLY | os.O_RDWR
            fd = os.open(name, flags, 0o600, dir_fd=directory)
            attributes.set_nocow(fd, op.flags)
            self._open[op.path] = (fd, True)
        fd = self._opened(op.path)[0]
        os.ftruncate(fd, op.size)
        refused = content.preallocate(fd, op.reserved)
        if refused:
            raise Snag(Trouble.PARTIAL, refused)

    def _opened(self, path: bytes) -> tuple[int, bool]:
        """Descriptor of a large file that exists, and whether this connection made it."""
        found = self._open.get(path)
        if found is not None:
            return found
        directory, name = self._directories.locate(path)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            try:
                fd = os.open(name, flags, dir_fd=directory)
            except PermissionError:
                if not unlock(directory, name):
                    raise
                fd = os.open(name, flags, dir_fd=directory)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO}:
                raise Snag(Trouble.MISSING, "the file to continue is not there") from error
            raise
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Snag(Trouble.MISSING, "the file to continue is not a file")
        self._open[path] = (fd, False)
        return self._open[path]

    def _chunk(self, op: ops.Chunk, data: memoryview) -> None:
        whole = data if op.ranges is None else _spread(op.extent, op.ranges, data)
        if blake3(whole).digest() != op.digest:
            raise Snag(Trouble.MISMATCH, "chunk differs from its digest")
        fd, made = self._opened(op.path)
        if op.ranges is None:
            content.write_range(fd, data, op.offset)
            return
        at = end = 0
        for start, length in op.ranges:
            if not made:
                content.punch(fd, op.offset + end, start - end)
            content.write_range(fd, data[at : at + length], op.offset + start)
            at += length
            end = start + length
        if not made:
            content.punch(fd, op.offset + end, op.extent - end)

    def _finish(self, entry: Entry) -> None:
        fd = self._opened(entry.path)[0]
        if os.fstat(fd).st_size != entry.size:
            raise Snag(Trouble.MISSING, "the file has another size than it was given")
        applier = Applier()
        applier.opened(fd, entry.meta, pin=False)
        os.close(self._open.pop(entry.path)[0])
        _report(applier)


def _entry(raw: bytes) -> Entry:
    entry = Entry.unpack(raw)
    try:
        ops.safe_path(entry.path)
    except (ValueError, TypeError) as error:
        raise ProtocolError(str(error)) from error
    return entry


def _spread(size: int, ranges: ops.Ranges, data: memoryview) -> bytearray:
    """Content with its holes filled by zeros."""
    if size > content.LARGE or any(o + n > size for o, n in ranges):
        raise ProtocolError("data beyond the end of the file")
    whole = bytearray(size)
    at = 0
    for offset, length in ranges:
        whole[offset : offset + length] = data[at : at + length]
        at += length
    return whole


def _report(applier: Applier) -> None:
    if applier.refused:
        raise Snag(Trouble.PARTIAL, "; ".join(applier.refused)[:1000])
