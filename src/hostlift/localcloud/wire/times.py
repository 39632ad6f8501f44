# SPDX-License-Identifier: Apache-2.0
"""Times as the API writes them: UTC, to the second (requests, VPC) or to the minute (ECS)."""

from __future__ import annotations

from datetime import UTC, datetime

_FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ")


def read_time(text: str) -> float:
    """Seconds since 1970.

    Raises:
        ValueError: It is not of a form the API accepts.
    """
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    raise ValueError(text)


def to_second(at: float) -> str:
    """``2024-01-31T10:20:30Z``."""
    return datetime.fromtimestamp(at, UTC).strftime(_FORMS[0])


def to_minute(at: float) -> str:
    """``2024-01-31T10:20Z``."""
    return datetime.fromtimestamp(at, UTC).strftime(_FORMS[1])
