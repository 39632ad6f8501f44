# SPDX-License-Identifier: Apache-2.0
"""Exclude patterns seen from another directory: the files are written per disk, volumes differ.

A pattern of rsync starts at the root of the transfer when it begins with ``/``, else anywhere;
``*`` stops at a slash, ``**`` does not; a trailing slash means directories only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

EVERYTHING = "/*"


def escape(path: str) -> str:
    """A path as a pattern that matches exactly it (within a pattern that has a wildcard)."""
    return "".join("\\" + c if c in "*?[\\" else c for c in path)


def rebase(patterns: Iterable[str], folder: str) -> tuple[str, ...]:
    """The patterns as they read at ``folder``; what cannot match below it is left out.

    A pattern that matches the folder itself, or one above it, becomes `EVERYTHING`.
    """
    if folder == "/":
        return tuple(patterns)
    seen = (p for pattern in patterns for p in _rebased(pattern, folder))
    return tuple(dict.fromkeys(seen))


def _rebased(pattern: str, folder: str) -> list[str]:
    sign, body = _split_sign(pattern)
    if not body.startswith("/"):
        return [pattern]
    parts = body.strip("/").split("/")
    steps = folder.strip("/").split("/")
    for i, (part, step) in enumerate(zip(parts, steps, strict=False)):
        if "**" in part:
            return [sign + "/" + "/".join(parts[i:])]
        if not matches(part, step):
            return []
        if i == len(parts) - 1:
            return [] if sign == "+ " else [sign + EVERYTHING]
    tail = "/" if body.endswith("/") else ""
    return [sign + "/" + "/".join(parts[len(steps) :]) + tail]


def _split_sign(pattern: str) -> tuple[str, str]:
    """A line of an exclude file may start with ``+ `` (include) or ``- ``."""
    sign = pattern[:2] if pattern[:2] in ("+ ", "- ") else ""
    return sign, pattern[len(sign) :]


def excluded(patterns: Iterable[str], path: str) -> str:
    """The pattern that keeps a directory (or one above it) out; empty when none does.

    Args:
        path: Absolute from the volume's root.
    """
    steps = path.strip("/").split("/")
    listed = [(*_split_sign(p), p) for p in patterns]
    for depth in range(1, len(steps) + 1):
        here = "/".join(steps[:depth])
        hit = next(((s, p) for s, body, p in listed if _hits(body, here)), None)
        if hit is not None and hit[0] != "+ ":
            return hit[1]
    return ""


def _hits(body: str, here: str) -> bool:
    wanted = body.strip("/")
    if body.startswith("/"):
        return matches(wanted, here)
    return matches(wanted, here) or matches("**/" + wanted, here)


def matches(glob: str, text: str) -> bool:
    """Whether a glob of rsync matches all of a text."""
    return re.fullmatch(_regex(glob), text, re.DOTALL) is not None


def _regex(glob: str) -> str:
    out = ""
    i = 0
    while i < len(glob):
        char = glob[i]
        closing = glob.find("]", i + 2) if char == "[" else -1
        if glob.startswith("**", i):
            out, i = out + ".*", i + 2
        elif closing > 0:
            inner = glob[i + 1 : closing].replace("\\", "\\\\")
            inner = "^" + inner[1:] if inner[0] in "!^" else inner
            out, i = out + f"[{inner}]", closing + 1
        elif char == "\\" and i + 1 < len(glob):
            out, i = out + re.escape(glob[i + 1]), i + 2
        else:
            out += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
            i += 1
    return out
