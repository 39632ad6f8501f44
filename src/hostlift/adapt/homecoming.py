# SPDX-License-Identifier: Apache-2.0
"""A ledger brought to another machine, whole: edits can be taken back when its own is long gone.

What the edits replaced are mostly files that the source still has, an initramfs of many MiB among
them: those do not travel, they are taken from the source and proved by their digest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from blake3 import blake3

from hostlift.adapt.ledger import NAME, Ledger, backup_name
from hostlift.adapt.snapshot import take
from hostlift.errors import ProtocolError
from hostlift.host.files import atomic_write, fsync_folder, remove_tree
from hostlift.ports.tree import Tree


def bring_home(folder: Path, fetch: Callable[[str], bytes], source: Tree) -> None:
    """Make ``folder`` a ledger equal to the one that ``fetch`` reads; an older one is replaced.

    Args:
        fetch: Content of a file of the ledger by its name.
        source: The system that was copied.

    Raises:
        ProtocolError: What was fetched is not what the ledger says.
        StateError: The ledger is damaged.
        OSError: The folder cannot be written.
    """
    new = folder.with_name(f"{folder.name}.new")
    remove_tree(new)
    new.mkdir(mode=0o700)
    atomic_write(new / NAME, fetch(NAME))
    for digest, path in Ledger(new).backups.items():
        name = backup_name(digest)
        atomic_write(new / name, _at_source(source, path, digest) or _fetched(fetch, name, digest))
    remove_tree(folder)
    new.rename(folder)
    fsync_folder(folder.parent)


def _at_source(source: Tree, path: str, digest: str) -> bytes:
    """What the source has at a path when it is what the copy had; empty when it is not."""
    try:
        found = take(source, path)
    except OSError:
        return b""  # unreadable, or in the way of something else by now: it is fetched
    return found.data if found.digest == digest else b""


def _fetched(fetch: Callable[[str], bytes], name: str, digest: str) -> bytes:
    data = fetch(name)
    if blake3(data).hexdigest() != digest:
        raise ProtocolError("a backup of the ledger of edits is damaged", subject=name)
    return data
