# SPDX-License-Identifier: Apache-2.0
"""netplan's YAML, as installers and cloud-init write it: block style, one key a line.

Only what must change is understood: the names below ``ethernets:`` and what ties them to a card.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = re.compile(r"^(?P<indent>[ ]*)(?P<quote>[\"']?)(?P<key>[\w.*:-]+?)(?P=quote):(?P<rest>.*)$")
_PINS = ("match", "set-name", "macaddress")


@dataclass(frozen=True, slots=True)
class Ethernets:
    """A file cut at its cards: text before, the cards by name, text after."""

    before: str
    cards: dict[str, str]
    after: str


def parse(text: str) -> Ethernets | None:
    """The cards of a file; None when there are none, or they are written in another style."""
    lines = text.splitlines(keepends=True)
    start = next((i for i, x in enumerate(lines) if re.match(r"^[ ]+ethernets:\s*$", x)), None)
    if start is None:
        return None
    outer = _indent(lines[start])
    end = next(
        (
            i
            for i in range(start + 1, len(lines))
            if _means(lines[i]) and _indent(lines[i]) <= outer
        ),
        len(lines),
    )
    cards = _blocks(lines[start + 1 : end])
    if not cards:
        return None
    return Ethernets("".join(lines[: start + 1]), cards, "".join(lines[end:]))


def has_route(block: str) -> bool:
    """True when a card holds the default route."""
    return re.search(r"gateway4:|to:[ ]*[\"']?(?:default|0\.0\.0\.0/0)", block) is not None


def renamed(block: str, name: str) -> str:
    """The block of a card under another name, no longer tied to a hardware address."""
    lines = block.splitlines(keepends=True)
    indent = " " * _indent(lines[0])
    return f"{indent}{name}:\n" + _without_pins(lines[1:])


def _without_pins(lines: list[str]) -> str:
    left: list[str] = []
    skipped = -1
    for line in lines:
        depth = _indent(line)
        if 0 <= skipped < depth and _means(line):
            continue
        found = _KEY.match(line.rstrip("\n"))
        skipped = depth if found is not None and found["key"] in _PINS else -1
        if skipped < 0:
            left.append(line)
    return "".join(left)


def _blocks(lines: list[str]) -> dict[str, str]:
    blocks: dict[str, str] = {}
    depth = next((_indent(x) for x in lines if _means(x)), 0)
    current = ""
    for line in lines:
        found = _KEY.match(line.rstrip("\n")) if _indent(line) == depth and _means(line) else None
        if found is not None:
            current = found["key"]
        if current:
            blocks[current] = blocks.get(current, "") + line
    return blocks


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _means(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
