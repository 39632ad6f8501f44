# SPDX-License-Identifier: Apache-2.0
"""SELinux file contexts: which label a path gets, as libselinux decides it.

The policy's files are read in order; paths without special characters come after all others, and
the last entry that matches (path and kind of file) wins. Aliases (``subs``) change the beginning of a
path first. ``<<none>>`` means no label at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_META = set(".^$?*+|[({")
_KINDS = {"--": "file", "-d": "dir", "-l": "link", "-b": "other", "-c": "other", "-p": "other"}
_NONE = "<<none>>"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a pattern, the kind of file it is for (empty: any), a label."""

    pattern: str
    kind: str
    label: str

    @property
    def is_exact(self) -> bool:
        """True when the pattern is a path."""
        return not _META & set(self.pattern.replace("\\.", ""))

    @property
    def stem(self) -> str:
        """What every path that matches begins with."""
        plain = next((i for i, c in enumerate(self.pattern) if c in _META | {"\\"}), None)
        if plain is None:
            return self.pattern
        # What a "?" or "*" comes after may be missing.
        return self.pattern[: max(0, plain - 1)]


class FileContexts:
    """The rules of a policy.

    Args:
        texts: ``file_contexts`` and what belongs to it (``.homedirs``, ``.local``), in this order.
        aliases: ``file_contexts.subs_dist`` and ``.subs``.
    """

    def __init__(self, texts: Iterable[str], aliases: Iterable[str] = ()) -> None:
        entries = [entry for text in texts for entry in _entries(text)]
        entries.sort(key=lambda entry: entry.is_exact)
        self._entries = entries[::-1]
        self._aliases = [words for text in aliases for words in _pairs(text)]

    def label(self, path: str, kind: str) -> str:
        """The label of an object (``file``, ``dir``, ``link``, ``other``); empty: none is given."""
        path = self._real(path)
        for entry in self._entries:
            if entry.kind in {"", kind} and path.startswith(entry.stem) and _matches(entry, path):
                return "" if entry.label == _NONE else entry.label
        return ""

    def _real(self, path: str) -> str:
        for alias, target in self._aliases:
            if path == alias or path.startswith(f"{alias}/"):
                return f"{target}{path[len(alias) :]}"
        return path


def _matches(entry: Entry, path: str) -> bool:
    compiled = _compiled(entry.pattern)
    return compiled is not None and compiled.fullmatch(path) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None  # of a dialect that Python does not know: as if it were not there


def _entries(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and not words[0].startswith("#"):  # noqa: PLR2004 - pattern, label
            yield Entry(words[0], "", words[1])
        elif len(words) == 3 and not words[0].startswith("#"):  # noqa: PLR2004 - pattern, kind, label
            yield Entry(words[0], _KINDS.get(words[1], "other"), words[2])


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and not words[0].startswith("#"):  # noqa: PLR2004
            yield words[0], words[1]
