# SPDX-License-Identifier: Apache-2.0
"""Writing and removing files of our own so that a crash leaves the old or the new, never a half."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from hostlift.host.beneath import open_child_folder


def atomic_write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace ``path`` by ``data``; on return it survives a power cut.

    A reader sees the old content or the new one. The folder must exist.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        raise
    fsync_folder(path.parent)


def fsync_folder(path: Path) -> None:
    """Make names created, renamed or removed in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a folder with all below it; a missing one is fine.

    Links are removed, never followed. Nothing in another mount is touched: the call fails there.

    Raises:
        OSError: Something could not be removed, for example a mount point.
    """
    try:
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        with contextlib.suppress(FileNotFoundError):
            _remove(parent, path.name)
    finally:
        os.close(parent)


def _remove(parent: int, name: str) -> None:
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=parent)
        return
    folder = open_child_folder(parent, name)
    if folder is not None:
        try:
            for child in os.listdir(folder):
                _remove(folder, child)
        finally:
            os.close(folder)
    os.rmdir(name, dir_fd=parent)
