# SPDX-License-Identifier: Apache-2.0
"""The network promise: which addresses will change, and what names the old ones."""

from __future__ import annotations

import itertools

from hostlift.model.machine import Machine, Mention

_SHOWN = 3
"""Lines of each file that are quoted."""


def promise(machine: Machine) -> tuple[str, ...]:
    """Sentences for a person; empty for a machine whose network is not known."""
    real = [i for i in machine.interfaces if i.addresses and i.name != "lo"]
    told = [
        f"{i.name} ({i.mac or 'no MAC'}) has {', '.join(i.addresses)}: the copy's first interface"
        " gets another address, by DHCP"
        for i in real
    ]
    by_file = itertools.groupby(machine.mentions, key=lambda m: m.path)
    return (*told, *(_file(path, list(found)) for path, found in by_file))


def _file(path: str, found: list[Mention]) -> str:
    quoted = "; ".join(f"line {m.line}: {m.text}" for m in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    names = ", ".join(dict.fromkeys(name for m in found for name in m.names))
    return f"{path} names {names} ({quoted}{more})"
