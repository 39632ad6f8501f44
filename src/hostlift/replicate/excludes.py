# SPDX-License-Identifier: Apache-2.0
"""rsync's filter patterns, pure: which paths of a volume are left out.

A pattern with a leading slash is anchored at the volume's root; one with another slash inside, or
with ``**``, matches the end of the path; any other matches the last name at any depth. A trailing
slash restricts it to directories, a trailing ``/***`` means the directory and all in it. ``*`` and
``?`` do not match a slash, ``**`` does; ``[...]`` is a class, a backslash takes the next character
literally (in patterns with wildcards). ``- `` and ``+ `` say exclude and include, the first rule
that matches wins, and what lies below an excluded directory is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WILD = re.compile(rb"[*?\[]")
_ALL_BELOW = b"/***"
_CLASSES = {
    b"alnum": b"a-zA-Z0-9",
    b"alpha": b"a-zA-Z",
    b"blank": b" \\t",
    b"cntrl": b"\\x00-\\x1f\\x7f",
    b"digit": b"0-9",
    b"graph": b"!-~",
    b"lower": b"a-z",
    b"print": b" -~",
    b"punct": b"!-/:-@\\[-`{-~",
    b"space": b" \\t-\\r",
    b"upper": b"A-Z",
    b"xdigit": b"0-9a-fA-F",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of an excludes file."""

    matcher: re.Pattern[bytes]
    directories_only: bool
    exclude: bool
    on_name: bool
    below: bool
    slashed: bool

    def matches(self, path: bytes, name: bytes, *, directory: bool) -> bool:
        """Whether the line is about this path."""
        if self.directories_only and not directory:
            return False
        seen = name if self.on_name else path
        lead = b"/" if self.slashed else b""
        tail = b"/" if self.below and directory else b""
        return self.matcher.fullmatch(lead + seen + tail) is not None


class Excludes:
    """The rules of one volume.

    Args:
        lines: As in an rsync ``--exclude-from`` file; blank lines and comments are skipped.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = tuple(rule for line in lines if (rule := _parse(line)) is not None)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def leaves_out(self, path: bytes, *, directory: bool) -> bool:
        """Whether ``path`` (relative to the volume's root) is excluded.

        Its parents must not be: a caller that walks prunes at the first excluded directory.
        """
        if path == b".":
            return False
        name = path.rpartition(b"/")[2]
        for rule in self._rules:
            if rule.matches(path, name, directory=directory):
                return rule.exclude
        return False


def literal(path: bytes) -> str:
    """A pattern for exactly this path of the volume, whatever characters it has."""
    text = path.strip(b"/")
    if _WILD.search(text):
        text = re.sub(rb"([*?\[\\])", rb"\\\1", text)
    return "/" + text.decode("utf-8", "surrogateescape")


def _parse(line: str) -> Rule | None:
    text = line.rstrip("\r\n")
    if not text or text[0] in "#;":
        return None
    exclude = True
    if text[:2] in {"- ", "+ "}:
        exclude = text[0] == "-"
        text = text[2:]
    pattern = text.encode("utf-8", "surrogateescape")
    if not pattern:
        return None
    below = len(pattern) > len(_ALL_BELOW) and pattern.endswith(_ALL_BELOW)
    if below:
        pattern = pattern[: -len(_ALL_BELOW)]
    directories_only = not below and len(pattern) > 1 and pattern.endswith(b"/")
    if directories_only:
        pattern = pattern[:-1]
    anchored = pattern.startswith(b"/")
    pattern = pattern[1:] if anchored else pattern
    on_name = not anchored and b"/" not in pattern and b"**" not in pattern and not below
    # rsync matches these against the path with a slash before it: "**/x" is found at the root too.
    wild = not anchored and pattern.startswith(b"**")
    body = _translate(pattern)
    lead = b"" if anchored or on_name or wild else b"(?:.*/)?"
    tail = b"/.*" if below else b""
    return Rule(
        re.compile(lead + body + tail, re.DOTALL), directories_only, exclude, on_name, below, wild
    )


def _translate(pattern: bytes) -> bytes:
    if not _WILD.search(pattern):
        return re.escape(pattern)
    out = bytearray()
    at = 0
    while at < len(pattern):
        piece, at = _piece(pattern, at)
        out += piece
    return bytes(out)


def _piece(pattern: bytes, at: int) -> tuple[bytes, int]:
    char = pattern[at : at + 1]
    if char == b"*":
        end = at
        while pattern[end : end + 1] == b"*":
            end += 1
        return (b".*" if end - at > 1 else b"[^/]*"), end
    if char == b"?":
        return b"[^/]", at + 1
    if char == b"[":
        return _bracket(pattern, at)
    if char == b"\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1 : at + 2]), at + 2
    return re.escape(char), at + 1


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int]:
    """A character class; one that never ends matches nothing, as in rsync."""
    i = at + 1
    negated = pattern[i : i + 1] in {b"!", b"^"}
    i += negated
    body = bytearray()
    first = True
    while first or pattern[i : i + 1] != b"]":
        first = False
        if i >= len(pattern):
            return b"(?!)", len(pattern)
        if pattern[i : i + 2] == b"[:" and (end := pattern.find(b":]", i)) > 0:
            body += _CLASSES.get(pattern[i + 2 : end], b"")
            i = end + 2
            continue
        i, low = _member(pattern, i)
        if pattern[i : i + 1] == b"-" and pattern[i + 1 : i + 2] not in {b"]", b""}:
            i, high = _member(pattern, i + 1)
            if low <= high:
                body += re.escape(low) + b"-" + re.escape(high)
        else:
            body += re.escape(low)
    inside = bytes(body)
    if negated:
        return (b"[^/" + inside + b"]"), i + 1
    return (b"(?!/)[" + inside + b"]" if inside else b"(?!)"), i + 1


def _member(pattern: bytes, at: int) -> tuple[int, bytes]:
    if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
        at += 1
    return at + 1, pattern[at : at + 1]
