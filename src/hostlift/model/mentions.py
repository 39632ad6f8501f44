# SPDX-License-Identifier: Apache-2.0
"""Where files name an address or an interface of the old machine: pure, for plans and for copies alike.

An address counts as a whole only (``10.0.0.1`` is not in ``10.0.0.11`` or ``110.0.0.1``), an interface
as a word (``eth0`` is in ``eth0.20`` and ``eth0:1``, not in ``veth0``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hostlift.model.machine import Interface, Mention

_LIMIT = 200


class Needles:
    """What to look for.

    Args:
        addresses: Addresses; a prefix length (``/24``) is left out.
        names: Names of interfaces.
    """

    def __init__(self, addresses: Iterable[str], names: Iterable[str]) -> None:
        plain = dict.fromkeys(a.partition("/")[0] for a in addresses if a)
        patterns = [(a, rf"(?<![\w.:]){re.escape(a)}(?!\.?\w)(?!:\w*:)") for a in plain]
        patterns += [(n, rf"(?<![\w-]){re.escape(n)}(?![\w-])") for n in dict.fromkeys(names) if n]
        self._patterns = [(word, re.compile(pattern)) for word, pattern in patterns]

    def found_in(self, path: str, text: str) -> Iterator[Mention]:
        """Every line of a file's text that names one of them."""
        for number, line in enumerate(text.splitlines(), 1):
            names = tuple(word for word, pattern in self._patterns if pattern.search(line))
            if names:
                yield Mention(path=path, line=number, text=line.strip()[:_LIMIT], names=names)


def needles_of(interfaces: Iterable[Interface]) -> Needles:
    """Of a machine: its addresses but those of loopback, and its interfaces but that one."""
    real = [i for i in interfaces if i.name != "lo"]
    addresses = (
        a for i in real for a in i.addresses if not a.startswith(("127.", "::1/", "fe80:"))
    )
    return Needles(addresses, (i.name for i in real))
