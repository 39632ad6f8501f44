# SPDX-License-Identifier: Apache-2.0
"""What narrows the answer of a describing call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hostlift.localcloud.actions.base import TagPart
from hostlift.localcloud.state.records import Record
from hostlift.localcloud.wire.errors import invalid_parameter
from hostlift.localcloud.wire.times import read_time


@dataclass(frozen=True, kw_only=True)
class FilterPart:
    """A filter of a request, where the older describing calls have them."""

    Key: str = ""
    Value: str = ""


def has_tags(record: Record, wanted: Sequence[TagPart]) -> bool:
    """Whether a record has all wanted tags; a wanted key without a value matches any."""
    for key, value in (t.pair for t in wanted):
        if key not in record.tags or (value and record.tags[key] != value):
            return False
    return True


def created_within(filters: tuple[FilterPart, ...], created: float) -> bool:
    """Whether a record's age passes the ``CreationStartTime`` and ``CreationEndTime`` filters."""
    for one in filters:
        try:
            at = read_time(one.Value)
        except ValueError:
            raise invalid_parameter("Filter.N.Value", code="InvalidFilterValue") from None
        if one.Key not in {"CreationStartTime", "CreationEndTime"}:
            raise invalid_parameter("Filter.N.Key", code="InvalidFilterKey.NotFound")
        if (created < at) if one.Key == "CreationStartTime" else (created > at):
            return False
    return True


def matches(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether each wanted value equals the actual one; empty wants anything, ``*`` is a wildcard."""
    return all(not wanted or _like(wanted, actual) for wanted, actual in pairs)


def _like(pattern: str, text: str) -> bool:
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern == text
    if not text.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return text.endswith(parts[-1]) and len(text) - at >= len(parts[-1])
