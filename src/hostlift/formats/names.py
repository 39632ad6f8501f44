# SPDX-License-Identifier: Apache-2.0
"""Names of a system may hold any byte; those that are not UTF-8 are surrogates in our texts."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


def shown(text: str) -> str:
    """The same for a person and for JSON: surrogates, which neither can hold, are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def unescaped(field: str) -> str:
    r"""A field of fstab(5) or proc(5): blanks and backslashes are written as ``\040``, by octets."""
    raw = field.encode("utf-8", "surrogateescape")
    plain = _ESCAPE.sub(lambda m: bytes([int(m[1], 8)]), raw)
    return plain.decode("utf-8", "surrogateescape")
