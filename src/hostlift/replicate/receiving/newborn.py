# SPDX-License-Identifier: Apache-2.0
"""The short way for most files of a first copy: new, small, without attributes.

What the first file of a directory turned out to be (owner, group, permission bits that the umask
lets through, nothing inherited) holds for the next ones made there: `open`, `write`, `utime` and
`close` are all that they cost. Nobody changes a directory within a phase, so what was learnt is good
until `forget`. Whatever is not as simple as that is left to `target.Target`, untouched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from hostlift.model.entry import Fields
from hostlift.replicate.fs import content
from hostlift.replicate.fs.attributes import USUAL_TIMES
from hostlift.replicate.fs.directories import Directories

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PERMISSIONS = 0o777


@dataclass(slots=True)
class _Birth:
    """How files of a directory come to be.

    Attributes:
        granted: Permission bits that were asked for and given.
    """

    uid: int
    gid: int
    granted: int


class Newborn:
    """Files made in directories that are known to hand nothing down."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._births: dict[bytes, _Birth] = {}

    def forget(self) -> None:
        """Directories may be others, or other than they were, from now on."""
        self._births.clear()

    def knows(self, parent: bytes) -> bool:
        """Whether files made in a directory are known to inherit nothing."""
        return parent in self._births

    def learn(self, parent: bytes, st: os.stat_result) -> None:
        """A file just made in a directory had inherited nothing.

        Args:
            parent: Its path was found to be safe.
            st: Of the file before anything of it was changed.
        """
        self._births[parent] = _Birth(st.st_uid, st.st_gid, st.st_mode & _PERMISSIONS)

    def put(self, fields: Fields, data: memoryview) -> bool:
        """Make a file whose content was verified; False: it takes more, and nothing was done.

        Raises:
            OSError: The file system refuses what follows its making; the file is not complete.
        """
        path, _, mode, uid, gid, mtime, xattrs, flags, project, _, _, _, _, _ = fields
        if xattrs or flags or project or mtime not in USUAL_TIMES:
            return False
        parent, _, name = path.rpartition(b"/")
        birth = self._births.get(parent)
        if birth is None or name in {b"", b".", b".."} or b"\0" in name:
            return False
        try:
            fd = os.open(name, _NEW, mode & _PERMISSIONS, dir_fd=self._directories.open(parent))
        except OSError:
            return False
        try:
            done = os.write(fd, data)
            if done < len(data):
                content.write_range(fd, data[done:], done)
            if uid != birth.uid or gid != birth.gid:
                os.fchown(fd, uid, gid)
            if mode & ~birth.granted:
                _set_mode(fd, mode, birth)
            os.utime(fd, ns=(mtime, mtime))
        finally:
            os.close(fd)
        return True


def _set_mode(fd: int, mode: int, birth: _Birth) -> None:
    """Bits that the umask may have taken away, and those that no file is born with."""
    born = os.fstat(fd).st_mode & 0o7777
    birth.granted |= born & _PERMISSIONS
    if born != mode:
        os.fchmod(fd, mode)
