# SPDX-License-Identifier: Apache-2.0
"""Making a volume durable once for everybody who waits for it."""

from __future__ import annotations

import threading

from hostlift.replicate.fs.kernel import syncfs


class GroupSync:
    """syncfs of one file system, shared by concurrent callers.

    Args:
        fd: A descriptor on the file system; the caller keeps it open.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._turn = threading.Condition()
        self._begun = 0
        self._done = 0
        self._running = False

    def sync(self) -> None:
        """Return once everything written before the call is on the disk.

        Raises:
            OSError: The file system could not write something; nothing may be acknowledged.
        """
        with self._turn:
            wanted = self._begun + 1
            while self._done < wanted:
                if self._running:
                    self._turn.wait()
                else:
                    self._lead()

    def _lead(self) -> None:
        self._running = True
        self._begun += 1
        mine = self._begun
        self._turn.release()
        try:
            syncfs(self._fd)
        finally:
            self._turn.acquire()
            self._running = False
            self._turn.notify_all()
        self._done = mine
