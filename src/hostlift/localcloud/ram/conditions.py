# SPDX-License-Identifier: Apache-2.0
"""The operators of a policy's ``Condition``.

``StringEquals`` and its kin compare one value; ``ForAnyValue:`` and ``ForAllValues:`` ask about many;
``IfExists`` at the end holds when the request says nothing of the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from ipaddress import ip_address, ip_network

Facts = Mapping[str, Sequence[str]]
"""What is known of a request, by condition key in lower case."""

_ANY, _ALL, _OPTIONAL = "ForAnyValue:", "ForAllValues:", "IfExists"


def like(pattern: str, text: str) -> bool:
    """Whether ``text`` is of a form with ``*`` and ``?``."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _in_network(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def holds(wanted: str, actual: str) -> bool:
        try:
            return compare(float(actual), float(wanted))
        except ValueError:
            return False

    return holds


def _dates(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def holds(wanted: str, actual: str) -> bool:
        try:
            return compare(_moment(actual), _moment(wanted))
        except ValueError:
            return False

    return holds


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda a, b: a == b,
    "NotEquals": lambda a, b: a != b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}
_POSITIVE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": like,
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
    "IpAddress": _in_network,
    **{f"Numeric{name}": _numbers(order) for name, order in _ORDERS.items()},
    **{f"Date{name}": _dates(order) for name, order in _ORDERS.items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NotIpAddress": "IpAddress",
}
OPERATORS = (*_POSITIVE, *_NEGATED)


def check_operator(name: object) -> object:
    """The name, if there is such an operator.

    Raises:
        ValueError: There is none.
    """
    if not isinstance(name, str) or _bare(name) not in OPERATORS:
        raise ValueError(f"no such condition operator: {name}")
    return name


def holds(operator: str, key: str, wanted: Sequence[str], facts: Facts) -> bool:
    """Whether one line of a condition holds."""
    actual = facts.get(key.lower(), ())
    if not actual and operator.endswith(_OPTIONAL):
        return True
    bare = _bare(operator)
    if bare in _NEGATED:
        test = _POSITIVE[_NEGATED[bare]]
        return not any(test(w, a) for w in wanted for a in actual)
    test = _POSITIVE[bare]
    found = [any(test(w, a) for w in wanted) for a in actual]
    return all(found) if operator.startswith(_ALL) else any(found)


def _bare(operator: str) -> str:
    return operator.removeprefix(_ANY).removeprefix(_ALL).removesuffix(_OPTIONAL)
