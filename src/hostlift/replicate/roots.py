# SPDX-License-Identifier: Apache-2.0
"""Sees each source file system from its own root: files hidden under mount points included.

A detached copy of the mount is made for each tree. It is in no namespace's tree, so nobody sees it,
nothing can be left behind, and it goes when this process ends, however it ends. A kernel without
detached mounts (before 5.2) gets bind mounts in a scratch folder for the length of the block; those
outlive a killed process unless it runs in a mount namespace of its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.mounts import bind_mount
from hostlift.model.plan import SourceTree, Volume
from hostlift.replicate.excludes import literal
from hostlift.replicate.fs.kernel import clone_mount
from hostlift.replicate.source import SourceVolume, TreeRoot

_SWAPS = Path("/proc/swaps")


@contextlib.contextmanager
def private_roots(
    volumes: Sequence[Volume], source_root: Path
) -> Iterator[tuple[SourceVolume, ...]]:
    """The volumes of a plan as trees that can be opened, for the length of the block.

    Args:
        source_root: Where the source's root file system is mounted; ``/`` when it is live, and
            then its swap files are left out.

    Raises:
        HostError: A tree does not exist or cannot be mounted.
    """
    swaps = _swap_files() if source_root == Path("/") else ()
    with contextlib.ExitStack() as stack:
        found = []
        for volume in volumes:
            trees = tuple(_tree(tree, source_root, stack) for tree in volume.trees)
            excluded = [p for swap in swaps for t in volume.trees if (p := _inside(swap, t))]
            # First match wins: a user's "+" line must not bring a swap file back.
            rules = (*map(literal, excluded), *volume.excludes)
            found.append(SourceVolume(volume.id, trees, rules))
        yield tuple(found)


def _tree(tree: SourceTree, source_root: Path, stack: contextlib.ExitStack) -> TreeRoot:
    real = source_root / tree.path.lstrip("/")
    cross = not tree.one_file_system
    try:
        fd = clone_mount(os.fsencode(real), recursive=cross)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise HostError(f"cannot be opened: {error.strerror}", subject=str(real)) from error
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostlift-root-")))
        stack.enter_context(bind_mount(real, scratch))
        return TreeRoot(scratch, os.fsencode(tree.prefix), cross)
    stack.callback(os.close, fd)
    return TreeRoot(b"/proc/self/fd/%d" % fd, os.fsencode(tree.prefix), cross)


def _swap_files() -> tuple[bytes, ...]:
    """Swap areas that are files."""
    try:
        lines = _SWAPS.read_bytes().splitlines()[1:]
    except OSError:
        return ()
    areas = (line.split() for line in lines)
    return tuple(a[0].replace(b"\\040", b" ") for a in areas if len(a) > 1 and a[1] == b"file")


def _inside(path: bytes, tree: SourceTree) -> bytes:
    """A source path as a path of the volume that ``tree`` fills; empty when it is not below it."""
    base = os.fsencode(tree.path).rstrip(b"/") + b"/"
    if not path.startswith(base):
        return b""
    prefix = os.fsencode(tree.prefix).strip(b"/")
    return (prefix + b"/" if prefix else b"") + path[len(base) :]
