# SPDX-License-Identifier: Apache-2.0
"""What a rule gets to read, and the order of versions."""

from __future__ import annotations

import re
from typing import Protocol

_PIECE = re.compile(r"(\d+)|([A-Za-z]+)|(~)")
_TEXT, _END, _NUMBER = 0, 1, 2


class Files(Protocol):
    """A system's files. Paths are absolute."""

    def text(self, path: str, /) -> str | None:
        """Content; empty or None when there is none."""

    def names(self, folder: str, /) -> list[str]:
        """Names in a folder; none when there is no such folder."""


def newest(version: str) -> tuple[tuple[int, int, str], ...]:
    """A key: the newest version is the greatest. Numbers count as such, and for more than words."""
    pieces: list[tuple[int, int, str]] = []
    for number, word, _tilde in _PIECE.findall(version):
        if number:
            pieces.append((_NUMBER, int(number), ""))
        else:
            pieces.append((_TEXT, 0, word) if word else (_TEXT, -1, ""))
    return (*pieces, (_END, 0, ""))


def plain(path: str) -> str:
    """A path without the device that GRUB has before it."""
    return re.sub(r"^\([^)]*\)", "", path.strip("\"'"))
