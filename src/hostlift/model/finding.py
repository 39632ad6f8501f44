# SPDX-License-Identifier: Apache-2.0
"""What a check has to say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """``OK`` passed; ``NOTE`` to know; ``WARNING`` will work with a loss; ``BLOCKER`` will not."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BLOCKER = "blocker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check on one object.

    Attributes:
        check: Stable id, for example ``GUESTOS.Virtio`` (Alibaba's image check ids where one fits).
        title: One line for a person.
        evidence: What was seen, and where.
        remedy: What to do; empty when nothing is needed.
    """

    check: str
    severity: Severity
    title: str
    evidence: str = ""
    remedy: str = ""
