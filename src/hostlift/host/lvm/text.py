# SPDX-License-Identifier: Apache-2.0
"""The text in which LVM2 keeps a volume group: on its disks, and in ``/etc/lvm/backup``.

Format: ``lvm2/lib/format_text/import_vsn1.c`` and ``export.c`` of LVM2, as its own tools print it with
``vgcfgbackup``: sections ``name { … }``, values that are numbers, strings or lists, ``#`` comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from hostlift.host.lvm.records import SECTOR, Group, Logical, Physical, Segment

Value = int | str | list[int | str]

_TOKEN = re.compile(
    r'[\s,]+|#[^\n]*|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<word>[A-Za-z0-9_.+-]+)|(?P<sign>[{}\[\]=])"
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DEEPEST = 8


class Malformed(ValueError):
    """Not the metadata of a volume group."""


@dataclass(slots=True)
class _Section:
    values: dict[str, Value] = field(default_factory=dict)
    sections: dict[str, _Section] = field(default_factory=dict)

    def number(self, key: str, default: int | None = None) -> int:
        """A whole number.

        Raises:
            Malformed: It is missing, without a default.
        """
        value = self.values.get(key, default)
        if not isinstance(value, int):
            raise Malformed(f"{key} is not a number")
        return value

    def string(self, key: str, default: str | None = None) -> str:
        """Text; see `number`."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise Malformed(f"{key} is not a string")
        return value

    def list(self, key: str) -> list[int | str]:
        """A list; empty when it is missing."""
        value = self.values.get(key, [])
        return value if isinstance(value, list) else []

    def within(self, name: str) -> dict[str, _Section]:
        """The sections of a section; none when it is missing."""
        inner = self.sections.get(name)
        return inner.sections if inner else {}


def parse(text: str) -> Group:
    """The volume group that a text describes.

    Raises:
        Malformed: It describes none.
    """
    top = _section(_tokens(text), 0)
    found = [(name, s) for name, s in top.sections.items() if "extent_size" in s.values]
    if len(found) != 1:
        raise Malformed(f"{len(found)} volume groups")
    name, group = found[0]
    return Group(
        name=name,
        id=group.string("id"),
        extent_size=group.number("extent_size") * SECTOR,
        seqno=group.number("seqno", 1),
        physical=tuple(_physical(n, s) for n, s in group.within("physical_volumes").items()),
        logical=tuple(_logical(n, s) for n, s in group.within("logical_volumes").items()),
    )


def render(group: Group, *, host: str, time: int) -> str:
    """The text of a group, as LVM2 reads it.

    Args:
        host: Name of the machine, and
        time: seconds since 1970, noted as those of its making.
    """
    lines = [
        f"{group.name} {{",
        f'id = "{group.id}"',
        f"seqno = {group.seqno}",
        'format = "lvm2"',
        'status = ["RESIZEABLE", "READ", "WRITE"]',
        "flags = []",
        f"extent_size = {group.extent_size // SECTOR}",
        "max_lv = 0",
        "max_pv = 0",
        "metadata_copies = 0",
        "physical_volumes {",
        *(line for p in group.physical for line in _physical_lines(p)),
        "}",
        *(["logical_volumes {"] if group.logical else []),
        *(line for v in group.logical for line in _logical_lines(v, host, time)),
        *(["}"] if group.logical else []),
        "}",
        'contents = "Text Format Volume Group"',
        "version = 1",
        'description = "made by hostlift"',
        f'creation_host = "{_escaped(host)}"',
        f"creation_time = {time}",
    ]
    return "\n".join(lines) + "\n"


def _physical(name: str, section: _Section) -> Physical:
    return Physical(
        name=name,
        id=section.string("id"),
        device=section.string("device", ""),
        size=section.number("dev_size", 0) * SECTOR,
        start=section.number("pe_start") * SECTOR,
        extents=section.number("pe_count"),
    )


def _logical(name: str, section: _Section) -> Logical:
    segments = [s for n, s in section.sections.items() if n.startswith("segment")]
    return Logical(
        name=name,
        id=section.string("id"),
        visible="VISIBLE" in section.list("status"),
        segments=tuple(_segment(s) for s in segments),
    )


def _segment(section: _Section) -> Segment:
    flat = section.list("stripes")
    return Segment(
        start=section.number("start_extent"),
        extents=section.number("extent_count"),
        type=section.string("type"),
        snapshot=section.string("cow_store", ""),
        stripes=tuple(
            (name, first)
            for name, first in zip(flat[::2], flat[1::2], strict=False)
            if isinstance(name, str) and isinstance(first, int)
        ),
    )


def _physical_lines(physical: Physical) -> Iterator[str]:
    yield f"{physical.name} {{"
    yield f'id = "{physical.id}"'
    yield f'device = "{_escaped(physical.device)}"'
    yield 'status = ["ALLOCATABLE"]'
    yield "flags = []"
    yield f"dev_size = {physical.size // SECTOR}"
    yield f"pe_start = {physical.start // SECTOR}"
    yield f"pe_count = {physical.extents}"
    yield "}"


def _logical_lines(logical: Logical, host: str, time: int) -> Iterator[str]:
    yield f"{logical.name} {{"
    yield f'id = "{logical.id}"'
    yield 'status = ["READ", "WRITE", "VISIBLE"]'
    yield "flags = []"
    yield f"creation_time = {time}"
    yield f'creation_host = "{_escaped(host)}"'
    yield f"segment_count = {len(logical.segments)}"
    for number, segment in enumerate(logical.segments, 1):
        yield f"segment{number} {{"
        yield f"start_extent = {segment.start}"
        yield f"extent_count = {segment.extents}"
        yield f'type = "{segment.type}"'
        yield f"stripe_count = {len(segment.stripes)}"
        yield "stripes = ["
        yield ",\n".join(f'"{name}", {first}' for name, first in segment.stripes)
        yield "]"
        yield "}"
    yield "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Malformed(f"character {text[at]!r}")
        at = match.end()
        if match.lastgroup:
            yield _Token(match.lastgroup, match[0])


def _section(tokens: Iterator[_Token], depth: int) -> _Section:
    """Up to the closing brace, or the end of the text at the top."""
    if depth > _DEEPEST:
        raise Malformed("sections within sections without end")
    section = _Section()
    for name in tokens:
        if name.text == "}" and depth:
            return section
        sign = next(tokens, None)
        if not _is_name(name) or sign is None:
            raise Malformed(f"{name.text} is no name")
        if sign.text == "{":
            section.sections[name.text] = _section(tokens, depth + 1)
        elif sign.text == "=":
            section.values[name.text] = _value(tokens)
        else:
            raise Malformed(f"{sign.text} after {name.text}")
    if depth:
        raise Malformed("a section has no end")
    return section


def _is_name(token: _Token | None) -> TypeGuard[_Token]:
    """Names may begin with a digit, or be nothing but digits."""
    return token is not None and token.kind == "word"


def _value(tokens: Iterator[_Token]) -> Value:
    first = next(tokens, None)
    if first is None:
        raise Malformed("a value is missing")
    if first.text != "[":
        return _plain(first)
    values: list[int | str] = []
    for token in tokens:
        if token.text == "]":
            return values
        values.append(_plain(token))
    raise Malformed("a list has no end")


def _plain(token: _Token) -> int | str:
    if token.kind == "string":
        return re.sub(r"\\(.)", r"\1", token.text[1:-1])
    if _NUMBER.fullmatch(token.text):
        return int(token.text) if "." not in token.text else token.text
    raise Malformed(f"{token.text} is no value")
