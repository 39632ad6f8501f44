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

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, Kind, unpack_fields
from hostlift.replicate import ops
from hostlift.replicate.fs import attributes, content
from hostlift.replicate.fs.attributes import Applier
from hostlift.replicate.fs.directories import Directories, split
from hostlift.replicate.protocol import Trouble
from hostlift.replicate.receiving.arrival import Snag, placed, received, report, spread
from hostlift.replicate.receiving.journals import Journals
from hostlift.replicate.receiving.largefiles import LargeFiles
from hostlift.replicate.receiving.newborn import Newborn
from hostlift.replicate.receiving.removal import (
    make_directory,
    remove_tree,
    unlock,
    way_to,
)
from hostlift.replicate.receiving.sharing import share
from hostlift.replicate.source import RESERVED

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TYPES = {
    Kind.CHAR_DEVICE: stat.S_IFCHR,
    Kind.BLOCK_DEVICE: stat.S_IFBLK,
    Kind.FIFO: stat.S_IFIFO,
    Kind.SOCKET: stat.S_IFSOCK,
}


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
        self._journals = Journals(root, self._directories)
        self._large = LargeFiles(self._directories, self._journals)
        self._newborn = Newborn(self._directories)

    def close(self) -> None:
        """Give up every descriptor."""
        self.forget()

    def forget(self) -> None:
        """Names may stand for other objects from now on: a new phase begins."""
        self._directories.clear()
        self._newborn.forget()
        self._large.forget()
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
            self._large.chunk(op, data)
        elif isinstance(op, ops.Begin | ops.Punch | ops.Finish):
            self._of_large(op)
        elif isinstance(op, ops.Share):
            share(self._directories, op)
        else:
            self._other(op)

    def _of_large(self, op: ops.Begin | ops.Punch | ops.Finish) -> None:
        match op:
            case ops.Begin():
                self._large.begin(op)
            case ops.Punch():
                self._large.punch(op)
            case ops.Finish():
                self._large.finish(op)

    def _other(
        self,
        op: ops.PutNode | ops.SetMeta | ops.Link | ops.MakeDirectory | ops.Remove | ops.Clean,
    ) -> None:
        match op:
            case ops.PutNode():
                self._put_node(received(op.entry))
            case ops.SetMeta():
                self._set_meta(received(op.entry))
            case ops.Link():
                self._link(op)
            case ops.MakeDirectory():
                if op.path != b".":
                    make_directory(self._directories, op.path)
            case ops.Remove():
                self._remove(op.path)
            case ops.Clean():
                self.clean()

    def clean(self) -> None:
        """Remove what half-made files there are; see `Journals.sweep` for what stays."""
        self.forget()
        self._journals.sweep()

    # Small files and other objects

    def _put_file(self, op: ops.PutFile, data: memoryview) -> None:
        fields = unpack_fields(op.entry)
        size, digest = fields[9:11]
        whole = data if op.ranges is None else spread(size, op.ranges, data)
        if len(whole) != size or content.digest_of(whole) != digest:
            raise Snag(Trouble.MISMATCH, "content differs from its digest")
        simple = not op.known and op.ranges is None and not op.reserved
        if not (simple and self._newborn.put(fields, data)):
            self._put_any_file(op, placed(fields), data)

    def _put_any_file(self, op: ops.PutFile, entry: Entry, data: memoryview) -> None:
        applier = Applier()
        parent = split(entry.path)[0]

        def make(directory: int, name: bytes) -> None:
            where = RESERVED if directory == self._staging else parent
            plain = self._newborn.knows(where)
            fd = os.open(name, _NEW, entry.meta.mode & 0o777, dir_fd=directory)
            try:
                born = os.fstat(fd)
                attributes.set_nocow(fd, entry.meta.flags)
                self._fill(fd, op, entry, data, applier)
                if applier.born(fd, entry.meta, plain=plain) and not plain:
                    self._newborn.learn(where, born)
            finally:
                os.close(fd)

        self._place(entry.path, make, known=op.known)
        report(applier)

    @staticmethod
    def _fill(fd: int, op: ops.PutFile, entry: Entry, data: memoryview, applier: Applier) -> None:
        if op.reserved and (refused := content.preallocate(fd, op.reserved)):
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
        report(applier)

    def _place(self, path: bytes, make: Callable[[int, bytes], None], *, known: bool) -> None:
        """Put a new object at ``path``: directly when nothing is there, else by renaming."""
        directory, name = way_to(self._directories, path)
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
        directory, name = way_to(self._directories, op.path)

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
            applier.opened(self._directories.make(entry.path), entry.meta, pin=True)
        else:
            directory, name = self._directories.locate(entry.path)
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
            try:
                applier.opened(fd, entry.meta, pin=True)
            finally:
                os.close(fd)
        report(applier)
