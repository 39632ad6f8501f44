# SPDX-License-Identifier: Apache-2.0
"""What of the API is here, as a page: every action with its parameters, from their declarations."""

from __future__ import annotations

from hostlift.localcloud.actions.registry import ACTIONS, Action
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request, fields_of, harmless_of

_OF_ALL = frozenset(f.name for f in fields_of(Request))
_HEAD = """\
# What the embedded cloud answers

Generated from the declarations in `src/hostlift/localcloud/actions`. A parameter in **bold** is
mandatory; one in *italics* is taken and changes nothing; any other is refused by name.
"""


def page() -> str:
    """The page in Markdown."""
    parts = [_HEAD]
    for product in Product:
        found = sorted((a for a in ACTIONS.values() if a.product is product), key=lambda a: a.name)
        parts.append(f"\n## {product.name} {product.value}\n\n| action | parameters |\n|---|---|\n")
        parts += [f"| {a.name} | {_parameters(a)} |\n" for a in found]
    return "".join(parts)


def _parameters(action: Action) -> str:
    fields = [f for f in fields_of(action.request) if f.name not in _OF_ALL]
    harmless = harmless_of(action.request) - {f.name for f in fields}
    words = [f"**{f.name}**" if f.required else f.name for f in fields]
    return ", ".join(
        sorted(words, key=lambda w: w.strip("*")) + [f"*{h}*" for h in sorted(harmless)]
    )
