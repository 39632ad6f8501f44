# SPDX-License-Identifier: Apache-2.0
"""Compares what was read at the source with what was read back from the target, file by file.

Both sides are streams ordered by `sort_key` and are never held in memory. The result carries a
root digest of each side that can be computed again later from either of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, TreeFold
from hostlift.model.receipt import Difference, Divergence, VolumeReceipt

MOST_DIFFERENCES = 1000
"""Listed per volume; unequal roots still tell that there are more."""


def sort_key(path: bytes) -> bytes:
    """The order of both streams: a directory right before what it holds."""
    return path.replace(b"/", b"\0")


@dataclass(slots=True)
class _Side:
    """One of the streams while it is read; refuses a wrong order."""

    name: str
    entries: Iterator[Entry]
    fold: TreeFold = field(default_factory=TreeFold)
    count: int = 0
    size: int = 0
    current: Entry | None = None
    key: bytes = b""

    def advance(self) -> None:
        before = self.key if self.current is not None else None
        self.current = next(self.entries, None)
        if self.current is None:
            return
        self.key = sort_key(self.current.path)
        if before is not None and self.key <= before:
            raise ProtocolError(
                f"the {self.name}'s entries are not in order", subject=show_path(self.current.path)
            )
        self.fold.add(self.current.digest)
        self.count += 1
        self.size += self.current.size if not self.current.link_of else 0


Pair = tuple[Entry | None, Entry | None]
"""What one path is at the source and at the target; None where it is not, never both."""


class Merged:
    """Two streams of entries in `sort_key` order as one stream of pairs."""

    def __init__(self, source: Iterable[Entry], target: Iterable[Entry]) -> None:
        self._left = _Side("source", iter(source))
        self._right = _Side("target", iter(target))

    def pairs(self) -> Iterator[Pair]:
        """Every path of either side once, in order.

        Raises:
            ProtocolError: A stream is out of order or names a path twice.
        """
        left, right = self._left, self._right
        left.advance()
        right.advance()
        while left.current is not None or right.current is not None:
            here, there = left.current, right.current
            if there is None or (here is not None and left.key < right.key):
                left.advance()
                yield here, None
            elif here is None or right.key < left.key:
                right.advance()
                yield None, there
            else:
                left.advance()
                right.advance()
                yield here, there

    def receipt(self, volume: str, mount_point: str) -> VolumeReceipt:
        """Both roots, once all pairs were taken."""
        return VolumeReceipt(
            volume=volume,
            mount_point=mount_point,
            entries=self._left.count,
            bytes=self._left.size,
            source_root=self._left.fold.root().hex(),
            target_root=self._right.fold.root().hex(),
        )


def compare(
    volume: str, mount_point: str, source: Iterable[Entry], target: Iterable[Entry]
) -> tuple[VolumeReceipt, tuple[Difference, ...]]:
    """Merge two streams of entries in `sort_key` order.

    Returns:
        The receipt, and the first `MOST_DIFFERENCES` differences.

    Raises:
        ProtocolError: A stream is out of order or names a path twice.
    """
    merged = Merged(source, target)
    differences: list[Difference] = []
    for here, there in merged.pairs():
        found = judge(volume, here, there)
        if found is not None and len(differences) < MOST_DIFFERENCES:
            differences.append(found)
    return merged.receipt(volume, mount_point), tuple(differences)


def judge(volume: str, source: Entry | None, target: Entry | None) -> Difference | None:
    """How a path differs, there or not; None when it does not."""
    if target is None:
        return _one_sided(volume, source, Divergence.MISSING)
    if source is None:
        return _one_sided(volume, target, Divergence.EXTRA)
    return difference(volume, source, target)


def _one_sided(volume: str, entry: Entry | None, kind: Divergence) -> Difference | None:
    if entry is None:
        return None
    detail = entry.kind.name.lower().replace("_", " ")
    return Difference(volume=volume, path=show_path(entry.path), kind=kind, detail=detail)


def difference(volume: str, source: Entry, target: Entry) -> Difference | None:
    """How two entries of one path differ; None when they do not."""
    if source == target:
        return None
    content = [
        f"{name} {_word(getattr(source, name))} became {_word(getattr(target, name))}"
        for name in ("kind", "size", "content", "target", "device", "link_of")
        if getattr(source, name) != getattr(target, name)
    ]
    meta = [
        f"{name} {_meta(source, name)} became {_meta(target, name)}"
        for name in ("mode", "uid", "gid", "mtime_ns", "xattrs", "flags", "project")
        if getattr(source.meta, name) != getattr(target.meta, name)
    ]
    return Difference(
        volume=volume,
        path=show_path(source.path),
        kind=Divergence.CONTENT if content else Divergence.METADATA,
        detail="; ".join(content + meta),
    )


def _word(value: object) -> str:
    if isinstance(value, bytes):
        is_digest = len(value) == 32 and not value.isascii()  # noqa: PLR2004 - blake3
        return value.hex()[:16] if is_digest else show_path(value) or "nothing"
    return getattr(value, "name", str(value)).lower()


def _meta(entry: Entry, name: str) -> str:
    if name == "mode":
        return f"{entry.meta.mode:04o}"
    if name == "xattrs":
        names = ",".join(show_path(k) for k, _ in entry.meta.xattrs)
        return f"[{names}]"
    return str(getattr(entry.meta, name))


def show_path(path: bytes) -> str:
    r"""A path as text; bytes that are not UTF-8, and control characters, as ``\xNN``."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
