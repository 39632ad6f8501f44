# SPDX-License-Identifier: Apache-2.0
"""fstab(5), byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIELD = re.compile(r"\S+")
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its end; ``spans`` are the places of its fields, empty for comments."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def is_entry(self) -> bool:
        """False for comments, blank lines and lines too short to mean anything."""
        return len(self.spans) > 1

    @property
    def spec(self) -> str:
        """What is mounted."""
        return self._field(0)

    @property
    def file(self) -> str:
        """Where; escapes as written."""
        return self._field(1)

    @property
    def kind(self) -> str:
        """File system type; ``auto`` when it is left out."""
        return self._field(2) or "auto"

    @property
    def options(self) -> tuple[str, ...]:
        """Mount options; ``defaults`` when they are left out."""
        return tuple((self._field(3) or "defaults").split(","))

    def with_spec(self, spec: str) -> Line:
        """The same line for another device."""
        return self._replaced(0, spec)

    def with_options(self, *more: str) -> Line:
        """The same line with options added that it lacks."""
        missing = [o for o in more if _name(o) not in {_name(p) for p in self.options}]
        if not missing:
            return self
        if len(self.spans) < 4:  # noqa: PLR2004 - the fourth field holds the options
            kind = "" if len(self.spans) > 2 else " auto"  # noqa: PLR2004
            end = self.spans[-1][1]
            added = f"{kind} defaults,{','.join(missing)}"
            return parse_line(self.text[:end] + added + self.text[end:])
        kept = [o for o in self.options if o != "defaults"] or ["defaults"]
        return self._replaced(3, ",".join([*kept, *missing]))

    def commented(self, marker: str) -> Line:
        """The same line, switched off, with a word on why."""
        return parse_line(f"# {marker}: {self.text.lstrip()}")

    def _field(self, index: int) -> str:
        if index >= len(self.spans):
            return ""
        start, end = self.spans[index]
        return self.text[start:end]

    def _replaced(self, index: int, value: str) -> Line:
        start, end = self.spans[index]
        return parse_line(self.text[:start] + value + self.text[end:])


def parse_line(text: str) -> Line:
    """A line with its end, if it has one."""
    if text.lstrip().startswith("#"):
        return Line(text, ())
    return Line(text, tuple(m.span() for m in _FIELD.finditer(text))[:_FIELDS])


def parse(data: bytes) -> list[Line]:
    """All lines; `render` gives the same bytes back."""
    text = data.decode("utf-8", "surrogateescape")
    return [parse_line(t) for t in re.findall(r"[^\n]*\n|[^\n]+", text)]


def render(lines: list[Line]) -> bytes:
    """The file."""
    return "".join(line.text for line in lines).encode("utf-8", "surrogateescape")


def _name(option: str) -> str:
    return option.partition("=")[0]
