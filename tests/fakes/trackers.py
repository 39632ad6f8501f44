# SPDX-License-Identifier: Apache-2.0
"""A change tracker that reads the truth, and says as little as the protocol allows."""

from __future__ import annotations

import os
import stat

import msgpack

from hostlift.replicate.changes import Changed, Known

_ALL = (1 << 64) - 1


class Oracle:
    """Names only inodes that changed since the mark and differ from what is known of them."""

    name = "oracle"

    def __init__(self, root: int) -> None:
        self._state = _state(root)

    def mark(self) -> bytes:
        packed: bytes = msgpack.packb(self._state)
        return packed

    def changed(self, mark: bytes, known: Known) -> Changed:
        before = msgpack.unpackb(mark, use_list=False, strict_map_key=False)
        found = []
        for ino, ctime_ns, size in known.between(0, _ALL):
            now = self._state.get(ino)
            if now != before.get(ino) and now != (ctime_ns, size):
                found.append(ino)
        return Changed(tuple(found), self.mark())


def _state(root: int) -> dict[int, tuple[int, int]]:
    found = {}
    for _, folders, files, fd in os.fwalk(b".", dir_fd=root):
        for name in (b".", *folders, *files):
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            size = st.st_size if stat.S_ISREG(st.st_mode) else 0
            found[st.st_ino] = (st.st_ctime_ns, size)
    return found
