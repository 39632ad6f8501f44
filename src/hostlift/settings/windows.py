# SPDX-License-Identifier: Apache-2.0
"""Times of the day at which data may be sent: ``22:00-06:00``, several separated by commas.

Local time of the source, as its administrator reads the clock. A span may pass midnight; its end
is the first minute that is no longer in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPAN = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")
_HOUR = 60
_DAY = 24 * _HOUR
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Windows:
    """Spans of a day as ``(first minute, first minute after)``; none means: always open."""

    spans: tuple[tuple[int, int], ...] = ()

    def is_open(self, second: float) -> bool:
        """Whether data may be sent at this second of the day."""
        minute = int(second // _MINUTE) % _DAY
        return not self.spans or any(_within(minute, *span) for span in self.spans)

    def opens_in(self, second: float) -> float:
        """Seconds from this second of the day until data may be sent; 0 when it may now."""
        if self.is_open(second):
            return 0.0
        day = _DAY * _MINUTE
        return min((first * _MINUTE - second) % day for first, _ in self.spans)


def parse(text: str) -> Windows:
    """The windows in ``text``; empty text is always open.

    Raises:
        ValueError: It is not of that form; says which part.
    """
    if not text.strip():
        return Windows()
    return Windows(tuple(_span(part) for part in text.split(",")))


def _span(text: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"holds {text.strip()!r}, which is not of the form 22:00-06:00")
    hours = int(match[1]), int(match[3])
    minutes = int(match[2]), int(match[4])
    first, end = (h * _HOUR + m for h, m in zip(hours, minutes, strict=True))
    if max(minutes) >= _HOUR or first >= _DAY or end > _DAY:
        raise ValueError(f"holds {text.strip()!r}, which is no time of the day")
    if first == end % _DAY:
        raise ValueError(f"holds {text.strip()!r}, which begins when it ends")
    return first, end


def _within(minute: int, first: int, end: int) -> bool:
    return first <= minute < end if first < end else minute >= first or minute < end
