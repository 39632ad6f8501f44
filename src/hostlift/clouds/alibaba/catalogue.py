# SPDX-License-Identifier: Apache-2.0
"""Looking an error code up: by ``Code`` alone, for HTTP status and message vary between services.

The lines are in `codes`. Of the patterns that fit, the longest wins.
"""

from __future__ import annotations

from http import HTTPStatus

from hostlift.clouds.advice import Advice, Handling
from hostlift.clouds.alibaba.codes import TOPICS, UNKNOWN, WAIT

CATALOGUE: tuple[Advice, ...] = tuple(line for topic in TOPICS for line in topic.lines)
_SERVER_FAULT = Advice("", Handling.TRANSIENT, "the service failed", WAIT)

MISMATCHES = frozenset(
    {"IdempotentParameterMismatch", "IdempotenceParamNotMatch", "InvalidParamter.Conflict"}
)
"""Codes of a ``ClientToken`` that came before with other parameters."""


def advice(code: str, status: int = 0) -> Advice:
    """What to think of an answer with ``code``; unknown codes of a 5xx answer are transient."""
    fitting = [a for a in CATALOGUE if a.fits(code)]
    if fitting:
        return max(fitting, key=lambda a: len(a.pattern.rstrip("*")))
    return _SERVER_FAULT if status >= HTTPStatus.INTERNAL_SERVER_ERROR else UNKNOWN
