# SPDX-License-Identifier: Apache-2.0
"""Reading decoded JSON of unknown shape without trusting it: what is absent reads as empty."""

from __future__ import annotations

from collections.abc import Mapping

Json = Mapping[str, object]


def at(data: Json, *path: str) -> object:
    """The value at a path of keys, or None."""
    value: object = data
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text(data: Json, *path: str) -> str:
    """The text (or number, as text) at a path; empty when there is none."""
    value = at(data, *path)
    return str(value) if isinstance(value, str | int | float) else ""


def number(data: Json, *path: str) -> int:
    """The whole number at a path, ``"32%"`` read as 32; 0 when there is none."""
    digits = text(data, *path).strip().rstrip("%").partition(".")[0]
    return int(digits) if digits.isdecimal() else 0


def amount(data: Json, *path: str) -> float:
    """The number at a path; 0 when there is none."""
    value = at(data, *path)
    return float(value) if isinstance(value, int | float) else 0.0


def rows(data: Json, *path: str) -> list[Json]:
    """The objects of the list at a path; lists are wrapped: ``Disks.Disk[]``."""
    value = at(data, *path)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def texts(data: Json, *path: str) -> tuple[str, ...]:
    """The non-empty texts of the list at a path."""
    value = at(data, *path)
    return tuple(v for v in value if isinstance(v, str) and v) if isinstance(value, list) else ()
