# SPDX-License-Identifier: Apache-2.0
"""One file system object as it was read, and the digest that stands for it.

Both ends of a copy describe what they see with `Entry`; two objects are the same exactly when
`Entry.digest` is the same. Times that nobody can set (ctime, btime) and atime are not part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import blake3
import msgpack

from hostlift.errors import ProtocolError


class Kind(IntEnum):
    """Type of object; values are stable: they are stored and sent."""

    FILE = 1
    DIRECTORY = 2
    SYMLINK = 3
    CHAR_DEVICE = 4
    BLOCK_DEVICE = 5
    FIFO = 6
    SOCKET = 7


Fields: TypeAlias = tuple[
    bytes,  # path
    int,  # kind
    int,  # mode
    int,  # uid
    int,  # gid
    int,  # mtime_ns
    tuple[tuple[bytes, bytes], ...],  # xattrs
    int,  # flags
    int,  # project
    int,  # size
    bytes,  # content
    bytes,  # target
    tuple[int, int],  # device
    bytes,  # link_of
]
"""What `Entry.pack` packs, in this order: for those who handle very many and make no `Entry`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Settable metadata.

    Attributes:
        mode: Permission bits with suid, sgid and sticky (``st_mode & 0o7777``).
        mtime_ns: Nanoseconds since 1970; negative before.
        xattrs: All namespaces as the kernel lists them (ACLs are ``system.posix_acl_*``), sorted.
        flags: FS_IOC_GETFLAGS bits that a person can set (append, immutable, nodump, noatime, …).
        project: Project quota id.
    """

    mode: int
    uid: int
    gid: int
    mtime_ns: int
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    flags: int = 0
    project: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An object: where it is, what it is, what it holds.

    Attributes:
        path: Relative to the volume's root, ``b"."`` for the root itself.
        size: Bytes of a regular file, else 0.
        content: Of a regular file, else empty: blake3 of its bytes (holes read as zeros); when
            there are more than 1 MiB, blake3 of the concatenated blake3 digests of its 1 MiB
            chunks, so that a terabyte of holes need not be read.
        target: Symlink target, else empty.
        device: ``(major, minor)`` of a device, else ``(0, 0)``.
        link_of: Path of the first name of this inode, when this is a further hard link.
    """

    path: bytes
    kind: Kind
    meta: Meta
    size: int = 0
    content: bytes = b""
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    link_of: bytes = b""

    def pack(self) -> bytes:
        """Canonical msgpack; equal entries have equal bytes."""
        m = self.meta
        fields: Fields = (
            self.path,
            int(self.kind),
            m.mode,
            m.uid,
            m.gid,
            m.mtime_ns,
            m.xattrs,
            m.flags,
            m.project,
            self.size,
            self.content,
            self.target,
            self.device,
            self.link_of,
        )
        packed: bytes = msgpack.packb(fields, use_bin_type=True)
        return packed

    @staticmethod
    def unpack(raw: bytes) -> Entry:
        """Inverse of `pack`.

        Raises:
            ProtocolError: ``raw`` is not a packed entry.
        """
        return entry_of(unpack_fields(raw))

    @property
    def digest(self) -> bytes:
        """32 bytes of blake3 over `pack`."""
        return blake3.blake3(self.pack()).digest()


_SHAPE: Final = (bytes, *(int,) * 5, tuple, *(int,) * 3, bytes, bytes, tuple, bytes)
_KINDS: Final = {int(kind): kind for kind in Kind}
_LARGEST = (1 << 63) - 1
_LAST_ID = (1 << 32) - 2
"""One more means "leave it as it is" to chown(2)."""


def unpack_fields(raw: bytes) -> Fields:
    """The fields of a packed entry, each of its type and in its range; paths are not looked at.

    Raises:
        ProtocolError: ``raw`` is not a packed entry.
    """
    try:
        found = msgpack.unpackb(raw, use_list=False, raw=False)
        shape = tuple(map(type, found))
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"not a packed entry: {error}") from error
    if shape != _SHAPE or not _is_in_range(found):
        raise ProtocolError("not a packed entry: fields of other types, or out of range")
    fields: Fields = found
    return fields


def _is_in_range(fields: Fields) -> bool:
    _, kind, mode, uid, gid, mtime, xattrs, flags, project, size, _, _, device, _ = fields
    return (
        kind in _KINDS
        and 0 <= mode <= 0o7777  # noqa: PLR2004
        and 0 <= uid <= _LAST_ID
        and 0 <= gid <= _LAST_ID
        and mtime <= _LARGEST
        and 0 <= size <= _LARGEST
        and flags >> 32 == 0
        and project >> 32 == 0
        and (not xattrs or _are_pairs(xattrs, bytes))
        and (device == (0, 0) or (_are_pairs((device,), int) and _is_device(*device)))
    )


def _is_device(major: int, minor: int) -> bool:
    return 0 <= major < 1 << 32 and 0 <= minor < 1 << 32


def _are_pairs(values: tuple[object, ...], kind: type) -> bool:
    return all(type(v) is tuple and tuple(map(type, v)) == (kind, kind) for v in values)


def entry_of(fields: Fields) -> Entry:
    """The entry with these fields."""
    (
        path,
        kind,
        mode,
        uid,
        gid,
        mtime,
        xattrs,
        flags,
        project,
        size,
        content,
        target,
        device,
        link,
    ) = fields
    return Entry(
        path=path,
        kind=_KINDS[kind],
        meta=Meta(
            mode=mode,
            uid=uid,
            gid=gid,
            mtime_ns=mtime,
            xattrs=xattrs,
            flags=flags,
            project=project,
        ),
        size=size,
        content=content,
        target=target,
        device=device,
        link_of=link,
    )


class TreeFold:
    """Folds the digests of a volume's entries, given in order of path, into one.

    The tree is binary over the leaves in order, an odd last node is carried up, inner nodes are
    blake3 of ``0x01 + left + right``; no leaves give 32 zero bytes. Memory grows with the height.
    """

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        # _pending[h] is the root of a full subtree of 2**h leaves that waits for its right half.
        self._pending: list[bytes | None] = []

    def add(self, digest: bytes) -> None:
        """Append a leaf: a 32-byte digest."""
        node = digest
        for height, left in enumerate(self._pending):
            if left is None:
                self._pending[height] = node
                return
            self._pending[height] = None
            node = _inner(left, node)
        self._pending.append(node)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        node: bytes | None = None
        for left in self._pending:
            if left is not None:
                node = left if node is None else _inner(left, node)
        return bytes(32) if node is None else node


def _inner(left: bytes, right: bytes) -> bytes:
    return blake3.blake3(b"\x01" + left + right).digest()


def tree_root(digests: Iterable[bytes]) -> bytes:
    """The root of a `TreeFold` over all of ``digests``, 32 bytes each."""
    fold = TreeFold()
    for digest in digests:
        fold.add(digest)
    return fold.root()
