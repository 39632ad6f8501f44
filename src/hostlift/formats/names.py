# SPDX-License-Identifier: Apache-2.0
"""Names of a system may hold any byte; those that are not UTF-8 are surrogates in our texts."""

from __future__ import annotations


def shown(text: str) -> str:
    """The same for a person and for JSON: surrogates, which neither can hold, are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()
