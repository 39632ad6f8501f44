# SPDX-License-Identifier: Apache-2.0
"""What of the API is here, as a page: actions, parameters, faults, settings, from their declarations."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields

from hostlift.localcloud.actions.base import Order
from hostlift.localcloud.actions.registry import ACTIONS, Action
from hostlift.localcloud.config import AccountSettings, Quotas, RoleSettings, Settings, UserSettings
from hostlift.localcloud.faults.kinds import NATURES, Fault
from hostlift.localcloud.offer.stock import Shortage
from hostlift.localcloud.ram.system import SYSTEM_POLICIES
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Request, fields_of, harmless_of

_OF_ALL = frozenset(f.name for f in fields_of(Request))
_HEAD = """\
# What the embedded cloud answers

Generated from the declarations in `src/hostlift/localcloud` by `hostlift cloud coverage`; a test
compares. A parameter in **bold** is mandatory; one in *italics* is taken and changes nothing; any
other is refused by name, but for `RegionId`, which every action takes. RAM is asked for
`service:Action` on the resources that a call names and on those of the column *makes or lists*.
*Order* says what an account must have: standing (no debt) or money (a balance, and the right to order).
"""
_FAULTS = """
## Faults

`hostlift cloud fault add KIND KEY=VALUE...`, or `faults` in `settings.json`. A fault strikes calls whose
action fits `action` (`*` is a wildcard; `ecs:RunInstances` names the service too).

| kind | what happens | which actions | `seconds` |
|---|---|---|---|
"""
_SETTINGS = """
## Settings

`settings.json` in the cloud's folder; `hostlift cloud configure FILE` changes it while the cloud runs.
"""
_KINDS: tuple[tuple[str, type], ...] = (
    ("settings.json", Settings),
    ("accounts[]", AccountSettings),
    ("accounts[].users[]", UserSettings),
    ("accounts[].roles[]", RoleSettings),
    ("quotas", Quotas),
    ("stock[]", Shortage),
    ("faults[]", Fault),
)


def page() -> str:
    """The page in Markdown."""
    parts = [_HEAD]
    for product in Product:
        found = sorted((a for a in ACTIONS.values() if a.product is product), key=lambda a: a.name)
        parts.append(f"\n## {product.name} {product.value} (`{product.ram_code}:…`)\n\n")
        parts.append("| action | parameters | makes or lists | order |\n|---|---|---|---|\n")
        parts += [_row(a) for a in found]
    parts.append(_FAULTS)
    for kind, nature in NATURES.items():
        actions = ", ".join(f"`{a}`" for a in nature.actions)
        parts.append(f"| `{kind.value}` | {nature.meaning} | {actions} | {nature.seconds} |\n")
    parts.append(_SETTINGS)
    parts += [_table(title, kind) for title, kind in _KINDS]
    names = ", ".join(f"`{name}`" for name in SYSTEM_POLICIES)
    parts.append(f"\nSystem policies: {names}.\n")
    return "".join(parts)


def _row(action: Action) -> str:
    resources = "none needed" if action.free else ", ".join(f"`{on}`" for on in action.on)
    order = "" if action.order is Order.NOTHING else action.order.name.lower()
    return f"| {action.name} | {_parameters(action)} | {resources} | {order} |\n"


def _parameters(action: Action) -> str:
    known = [f for f in fields_of(action.request) if f.name not in _OF_ALL]
    harmless = harmless_of(action.request) - {f.name for f in known}
    words = [f"**{f.name}**" if f.required else f.name for f in known]
    return ", ".join(
        sorted(words, key=lambda w: w.strip("*")) + [f"*{h}*" for h in sorted(harmless)]
    )


def _table(title: str, kind: type) -> str:
    rows = "".join(f"| `{f.name}` | {_default(f)} |\n" for f in fields(kind))
    return f"\n### {title}\n\n| key | default |\n|---|---|\n{rows}"


def _default(field: Field[object]) -> str:
    value = getattr(field.default, "default", field.default)  # pydantic's own field, or the value
    if value is MISSING or repr(value) == "PydanticUndefined":
        made = getattr(field.default, "default_factory", None) or field.default_factory
        return "`{}`" if made is dict else "mandatory"
    simple = isinstance(value, str | int | float | bool) or value is None
    return f"`{value!s}`" if simple and value != "" else "" if value == "" else "see below"
