# SPDX-License-Identifier: Apache-2.0
"""Boot Loader Specification entries: what GRUB on Red Hat's systems and systemd-boot read."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import bootlines
from hostlift.adapt.linux import bootmenus
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found import loaders


def apply(bench: Bench, edit: Editor) -> None:
    """Edit the options of every entry."""
    for path in _entries(bench):
        bootmenus.edit_file(bench, edit, path, bootlines.ENTRY)


def check(bench: Bench) -> Iterator[str]:
    """Every root named exists on the target, and one is named where nothing else does."""
    entries = _entries(bench)
    for path in entries:
        yield from bootmenus.lost_roots(bench, path, bootlines.ENTRY)
    if entries and not bench.tools.grub and not any(_names_root(bench, p) for p in entries):
        yield f"no entry in {entries[0].rpartition('/')[0]} names a root file system"


def _names_root(bench: Bench, path: str) -> bool:
    return any(bootlines.roots(bench.text(path) or "", bootlines.ENTRY))


def _entries(bench: Bench) -> list[str]:
    folders = loaders.entry_folders(bench.tree, bench.tools.esp)
    return [path for folder in folders for path in bench.glob(f"{folder}/*.conf")]


STEP = Step("boot-entries", "Boot entries with the command line the copy needs.", apply, check)
