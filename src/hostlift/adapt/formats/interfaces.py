# SPDX-License-Identifier: Apache-2.0
"""interfaces(5) of ifupdown, byte for byte: a file is a list of stanzas with their lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

_STARTERS = ("iface", "mapping", "auto", "allow-", "source", "source-directory", "no-", "template")
_WITH_BODY = ("iface", "mapping")


@dataclass(frozen=True, slots=True)
class Stanza:
    """A stanza (first word ``kind``) or, with an empty kind, comments and blank lines.

    Attributes:
        words: The words of its first line after the kind.
    """

    kind: str
    words: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        """The interface an ``iface`` stanza is about."""
        return self.words[0] if self.kind == "iface" and self.words else ""

    @property
    def method(self) -> str:
        """``static``, ``dhcp``, or another way to get an address."""
        return self.words[2] if self.kind == "iface" and len(self.words) > 2 else ""  # noqa: PLR2004

    @property
    def family(self) -> str:
        """``inet`` or ``inet6``."""
        return self.words[1] if self.kind == "iface" and len(self.words) > 1 else ""

    @property
    def is_hook(self) -> bool:
        """True for ``auto`` and ``allow-*``: the lines that bring interfaces up."""
        return self.kind == "auto" or self.kind.startswith("allow-")

    def option(self, name: str) -> str:
        """Value of an option in the stanza's body, empty when it has none."""
        found = re.search(rf"(?m)^[ \t]*{re.escape(name)}[ \t]+(.*?)[ \t]*$", self.text)
        return found[1] if found else ""


def parse(data: bytes) -> list[Stanza]:
    """All stanzas; `render` gives the same bytes back."""
    stanzas: list[Stanza] = []
    for line in _logical_lines(data.decode("utf-8", "surrogateescape")):
        words = line.replace("\\\n", " ").split()
        first = words[0] if words else ""
        starts = first.startswith(_STARTERS) and not first.startswith("#")
        if starts:
            stanzas.append(Stanza(first, tuple(words[1:]), line))
        elif stanzas and _continues(stanzas[-1], first):
            last = stanzas[-1]
            stanzas[-1] = Stanza(last.kind, last.words, last.text + line)
        else:
            stanzas.append(Stanza("", (), line))
    return stanzas


def render(stanzas: list[Stanza]) -> bytes:
    """The file."""
    return "".join(s.text for s in stanzas).encode("utf-8", "surrogateescape")


def without_names(stanza: Stanza, names: set[str]) -> Stanza | None:
    """An ``auto`` line without some interfaces; None when nothing is left of it."""
    left = [w for w in stanza.words if w not in names]
    if len(left) == len(stanza.words):
        return stanza
    if not left:
        return None
    return Stanza(stanza.kind, tuple(left), f"{stanza.kind} {' '.join(left)}\n")


def renamed(stanza: Stanza, name: str) -> Stanza:
    """An ``iface`` stanza for another card, no longer tied to a hardware address."""
    text = re.sub(r"^([ \t]*iface[ \t]+)\S+", rf"\g<1>{name}", stanza.text)
    text = re.sub(r"(?m)^[ \t]*hwaddress[ \t][^\n]*\n?", "", text)
    return Stanza(stanza.kind, (name, *stanza.words[1:]), text)


def _continues(last: Stanza, first: str) -> bool:
    """Options belong to the stanza above; so do comments between them, not blank lines after."""
    return last.kind in _WITH_BODY and bool(first)


def _logical_lines(text: str) -> list[str]:
    """Lines with their ends; a backslash at the end joins the next."""
    return re.findall(r"(?:[^\n]*\\\n)*(?:[^\n]*\n|[^\n]+)", text)
