# SPDX-License-Identifier: Apache-2.0
"""The mount table: which local file systems make up the source, and from which device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hostlift.formats.names import unescaped

READ_ONLY_IMAGES = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"})
"""Kinds that are always mounted from a file or medium that is not part of the system's data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo.

    Attributes:
        inner: The directory of the file system that is mounted; not ``/`` for bind mounts.
        mount_point: As this process sees it.
    """

    dev: str
    inner: str
    mount_point: str
    kind: str
    source: str
    options: tuple[str, ...]

    @property
    def is_local(self) -> bool:
        """True when a block device of this machine is behind it."""
        return self.kind not in READ_ONLY_IMAGES and (
            not self.dev.startswith("0:") or self.source.startswith("/dev/")
        )


def parse(text: str) -> list[Mount]:
    """The lines of /proc/self/mountinfo, in order."""
    return [m for m in map(_line, text.splitlines()) if m is not None]


def _line(line: str) -> Mount | None:
    head, dash, tail = line.partition(" - ")
    fields, rest = head.split(" "), tail.split(" ")
    if not dash or len(fields) < 6 or len(rest) < 3:  # noqa: PLR2004 - proc(5)
        return None
    options = dict.fromkeys([*fields[5].split(","), *rest[2].split(",")])
    return Mount(
        dev=fields[2],
        inner=unescaped(fields[3]),
        mount_point=unescaped(fields[4]),
        kind=rest[0],
        source=unescaped(rest[1]),
        options=tuple(options),
    )


def below(mounts: Iterable[Mount], root: str) -> dict[str, Mount]:
    """Local mounts at or below ``root``, by their path within it; bind mounts left out.

    Of several mounts at one place the last counts. Of several views of one file system the first
    that shows all of it does; one that shows only a part stands only when there is no other.
    """
    prefix = root.rstrip("/")
    visible: dict[str, Mount] = {}
    for mount in mounts:
        inside = mount.mount_point == root or mount.mount_point.startswith(prefix + "/")
        if inside:
            visible[mount.mount_point[len(prefix) :] or "/"] = mount
    local = {path: m for path, m in visible.items() if m.is_local}
    whole = {m.dev for m in local.values() if m.inner == "/"}
    taken: set[str] = set()
    kept: dict[str, Mount] = {}
    for path in sorted(local, key=lambda p: (p != "/", local[p].inner != "/", p)):
        mount = local[path]
        view = mount.dev + (mount.inner if mount.kind == "btrfs" else "")
        part = mount.inner != "/" and mount.kind != "btrfs" and mount.dev in whole
        if view in taken or (part and path != "/"):
            continue
        taken.add(view)
        kept[path] = mount
    return dict(sorted(kept.items()))
