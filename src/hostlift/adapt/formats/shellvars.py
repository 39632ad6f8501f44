# SPDX-License-Identifier: Apache-2.0
"""Files of shell assignments (``/etc/default/grub``), byte for byte.

A value is read as sh would read a constant one; a value with an expansion is never rewritten.
"""

from __future__ import annotations

import re
import shlex

_ASSIGNMENT = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)=(?P<value>(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\#;])*)""",
    re.MULTILINE | re.DOTALL,
)


def get(text: str, name: str) -> str | None:
    """The value of the last assignment; None when there is none or it is not constant."""
    found = _last(text, name)
    if found is None:
        return None
    raw = found["value"]
    if "$" in raw or "`" in raw:
        return None
    return "".join(shlex.split(raw)) if raw else ""


def is_assigned(text: str, name: str) -> bool:
    """True when the file assigns the variable, constant or not."""
    return _last(text, name) is not None


def put(text: str, name: str, value: str) -> str:
    """The text with the last assignment of ``name`` replaced, or one added at the end."""
    line = f"{name}={quoted(value)}"
    found = _last(text, name)
    if found is None or get(text, name) is None:
        return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"
    start, end = found.span("value")
    return text[:start] + quoted(value) + text[end:]


def drop(text: str, name: str) -> str:
    """The text without the lines that assign ``name``."""
    return "".join(
        line
        for line in text.splitlines(keepends=True)
        if (m := _ASSIGNMENT.match(line)) is None or m["name"] != name
    )


def values(text: str, prefix: str) -> list[str]:
    """The values of all variables whose names start with ``prefix``."""
    names = {m["name"] for m in _ASSIGNMENT.finditer(text) if m["name"].startswith(prefix)}
    return [value for name in sorted(names) if (value := get(text, name))]


def quoted(value: str) -> str:
    """In double quotes, safe for sh."""
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'


def _last(text: str, name: str) -> re.Match[str] | None:
    found = [m for m in _ASSIGNMENT.finditer(text) if m["name"] == name]
    return found[-1] if found else None
