# SPDX-License-Identifier: Apache-2.0
"""The *newc* archives an initramfs is made of: a reader fed piece by piece, and a writer."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from hostlift.errors import FormatError

_MAGIC = (b"070701", b"070702")
_HEADER = 110
_TRAILER = "TRAILER!!!"
_NAME_LIMIT = 4096
_MODE_FIELD, _SIZE_FIELD, _NAME_FIELD = 1, 6, 11


@dataclass(frozen=True, slots=True)
class Member:
    """A file, link or directory of an archive; ``data`` only where it was asked for."""

    name: str
    mode: int
    size: int = 0
    data: bytes = b""

    @property
    def is_link(self) -> bool:
        """True for symbolic links."""
        return stat.S_ISLNK(self.mode)


class Reader:
    """Takes an archive in pieces of any size and lists its members.

    Args:
        wanted: Tells of which members the content is kept; of links it always is.
    """

    def __init__(self, wanted: Callable[[str], bool] = lambda _: False) -> None:
        self.members: list[Member] = []
        self.inside = False
        """True between the first header of an archive and its trailer."""
        self._wanted = wanted
        self._buffer = bytearray()
        self._skip = 0
        self._pending: Member | None = None
        self._missing = 0

    @property
    def partial(self) -> bool:
        """True when a header has begun to arrive."""
        return bool(self._buffer) or self._skip > 0

    def feed(self, data: bytes | memoryview) -> int:
        """Take a piece; returns how much was used up: all of it unless an archive ended in it."""
        view = memoryview(data)
        position = 0
        while position < len(view):
            if self._skip:
                step = min(self._skip, len(view) - position)
                self._skip -= step
                position += step
                continue
            need = self._need()
            take = min(need - len(self._buffer), len(view) - position)
            self._buffer += view[position : position + take]
            position += take
            if len(self._buffer) == self._need() == need and self._complete():
                return position
        return position

    def _need(self) -> int:
        """Bytes the next item takes: a header with its name, or the content of a member."""
        if self._pending is not None:
            return self._missing
        if len(self._buffer) < _HEADER:
            return _HEADER
        return _padded(_HEADER + self._number(_NAME_FIELD))

    def _complete(self) -> bool:
        """Use up the buffer; True when an archive ended."""
        if self._pending is not None:
            self._finish(bytes(self._buffer[: self._pending.size]))
            return False
        if bytes(self._buffer[:6]) not in _MAGIC:
            raise FormatError("not an archive of the kind an initramfs has", subject="initramfs")
        length = self._number(_NAME_FIELD)
        if not 0 < length <= _NAME_LIMIT:
            raise FormatError("a name of impossible length", subject="initramfs")
        name = bytes(self._buffer[_HEADER : _HEADER + length - 1]).decode(
            "utf-8", "surrogateescape"
        )
        member = Member(name, self._number(_MODE_FIELD), self._number(_SIZE_FIELD))
        self._buffer.clear()
        self.inside = name != _TRAILER
        if not self.inside:
            return True
        self._begin(member)
        return False

    def _begin(self, member: Member) -> None:
        if member.size and (member.is_link or self._wanted(_plain(member.name))):
            self._pending, self._missing = member, _padded(member.size)
            return
        self.members.append(replace(member, name=_plain(member.name)))
        self._skip = _padded(member.size)

    def _finish(self, data: bytes) -> None:
        if self._pending is not None:
            member = replace(self._pending, name=_plain(self._pending.name), data=data)
            self.members.append(member)
        self._buffer.clear()
        self._pending = None

    def _number(self, index: int) -> int:
        start = 6 + 8 * index
        try:
            return int(bytes(self._buffer[start : start + 8]), 16)
        except ValueError as error:
            raise FormatError("a damaged archive header", subject="initramfs") from error


def write(members: Iterable[Member]) -> bytes:
    """An archive of ``members`` in their order, owned by root, without times."""
    pieces: list[bytes] = []
    trailer = Member(_TRAILER, 0)
    for inode, member in enumerate((*members, trailer)):
        name = member.name.encode("utf-8", "surrogateescape") + b"\0"
        fields = (inode, member.mode, 0, 0, 1, 0, len(member.data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
        pieces += [head.ljust(_padded(len(head)), b"\0")]
        pieces += [member.data.ljust(_padded(len(member.data)), b"\0")]
    return b"".join(pieces)


def _plain(name: str) -> str:
    return name.removeprefix("./").lstrip("/")


def _padded(size: int) -> int:
    return (size + 3) & ~3
