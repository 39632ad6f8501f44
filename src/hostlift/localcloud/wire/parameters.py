# SPDX-License-Identifier: Apache-2.0
"""Strings to typed requests.

An action declares its parameters as a frozen dataclass whose fields are named as the API names
them; a field without a default is mandatory. Types say how to read: ``str``, ``int``, ``float``,
``bool``, ``tuple[str, ...]`` (``X.N``), ``tuple[Part, ...]`` (``X.N.Field``), ``Part | None``
(``X.Field``), ``Literal``, ``JsonList`` (a JSON array in a string), ``Time``, ``Ranged``.
``HARMLESS`` names the official parameters that are taken and change nothing here.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from hostlift.localcloud.wire.errors import (
    invalid_parameter,
    missing_parameter,
    unsupported_parameter,
)
from hostlift.localcloud.wire.message import PROTOCOL
from hostlift.localcloud.wire.times import read_time

_LONGEST_JSON = 100
_OF_EVERY_CALL = "RegionId"
"""The older SDKs send it with every call, wanted or not."""


class Marker:
    """How a string is read when its type alone does not say."""


@dataclass(frozen=True, slots=True)
class Ranged(Marker):
    """A number between two bounds, both allowed."""

    low: int
    high: int
    code: str = "InvalidParameter"


class _Json(Marker):
    """A JSON array of strings."""


class _Time(Marker):
    """A time in UTC."""


JsonList = Annotated[tuple[str, ...], _Json()]
Time = Annotated[float, _Time()]
Page = Annotated[int, Ranged(1, 1_000_000)]
Size50 = Annotated[int, Ranged(1, 50)]
Size100 = Annotated[int, Ranged(1, 100)]


@dataclass(frozen=True, kw_only=True)
class Request:
    """Parameters every action takes; the owner's are of the old account system."""

    HARMLESS: ClassVar[str] = ""

    OwnerAccount: str = ""
    OwnerId: int = 0
    ResourceOwnerAccount: str = ""
    ResourceOwnerId: int = 0


R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Field:
    """A declared parameter, for reading and for the coverage page."""

    name: str
    hint: object
    required: bool


_KNOWN: dict[type, tuple[Field, ...]] = {}


def fields_of(kind: type) -> tuple[Field, ...]:
    """The declared parameters of a request, or of a part of one."""
    if kind not in _KNOWN:
        hints = get_type_hints(kind, include_extras=True)
        _KNOWN[kind] = tuple(
            Field(f.name, hints[f.name], _is_required(f)) for f in dataclasses.fields(kind)
        )
    return _KNOWN[kind]


def _is_required(field: dataclasses.Field[object]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def harmless_of(kind: type[Request]) -> frozenset[str]:
    """First words of the parameters that are taken and change nothing."""
    return frozenset(kind.HARMLESS.split())


def read_request(kind: type[R], parameters: Mapping[str, str]) -> R:
    """The typed request of an action.

    Raises:
        ApiError: A parameter is missing, unknown, or not of its type; it is named.
    """
    own = {k: v for k, v in parameters.items() if k not in PROTOCOL}
    used: set[str] = set()
    request = _read_part(kind, own, "", used)
    harmless = harmless_of(kind) if issubclass(kind, Request) else frozenset()
    for name in own:
        if name == _OF_EVERY_CALL:
            continue
        if name not in used and name.split(".", 1)[0] not in harmless:
            raise unsupported_parameter(name, kind.__name__)
    return request


def _read_part(kind: type[R], given: Mapping[str, str], prefix: str, used: set[str]) -> R:
    values: dict[str, object] = {}
    for field in fields_of(kind):
        value = _read_field(field.hint, given, prefix + field.name, used)
        if value is not None:
            values[field.name] = value
        elif field.required:
            raise missing_parameter(prefix + field.name)
    return kind(**values)


def _read_field(hint: object, given: Mapping[str, str], name: str, used: set[str]) -> object | None:
    """None when nothing was given."""
    plain, marker = _unwrap(hint)
    if get_origin(plain) is tuple and not isinstance(marker, _Json):
        return _read_list(get_args(plain)[0], given, name, used)
    if isinstance(plain, type) and dataclasses.is_dataclass(plain):
        under = {k for k in given if k.startswith(name + ".")}
        return _read_part(plain, given, name + ".", used) if under else None
    text = given.get(name)
    if text is None:
        return None
    used.add(name)
    return None if text == "" and plain is not str else _read_value(plain, marker, text, name)


def _read_list(
    item: object, given: Mapping[str, str], name: str, used: set[str]
) -> tuple[object, ...] | None:
    numbers: set[int] = set()
    for key in given:
        if key.startswith(name + "."):
            digits = key[len(name) + 1 :].split(".", 1)[0]
            if not (digits.isascii() and digits.isdigit()) or int(digits) < 1:
                raise invalid_parameter(key, "Lists are numbered from 1.")
            numbers.add(int(digits))
    found = [_read_field(item, given, f"{name}.{n}", used) for n in sorted(numbers)]
    return tuple(f for f in found if f is not None) or None


def _unwrap(hint: object) -> tuple[object, Marker | None]:
    """The type without Annotated and without ``| None``, and its marker."""
    marker: Marker | None = None
    while True:
        if get_origin(hint) is Annotated:
            hint, *extra = get_args(hint)
            marker = next((e for e in extra if isinstance(e, Marker)), marker)
        elif get_origin(hint) in {Union, types.UnionType}:
            hint = next(a for a in get_args(hint) if a is not type(None))
        else:
            return hint, marker


def _read_value(plain: object, marker: Marker | None, text: str, name: str) -> object:
    if isinstance(marker, _Json):
        return _read_json(text, name)
    if isinstance(marker, _Time):
        return _read_when(text, name)
    if get_origin(plain) is Literal:
        return _read_choice(get_args(plain), text, name)
    if plain is bool:
        return _read_bool(text, name)
    if plain is str:
        return text
    number = _read_number(plain, text, name)
    if isinstance(marker, Ranged) and not marker.low <= number <= marker.high:
        raise invalid_parameter(name, f"It must be {marker.low} to {marker.high}.", marker.code)
    return number


def _read_number(plain: object, text: str, name: str) -> float:
    try:
        return int(text) if plain is int else float(text)
    except ValueError:
        raise invalid_parameter(name, "It must be a number.") from None


def _read_bool(text: str, name: str) -> bool:
    word = text.lower()
    if word not in {"true", "false"}:
        raise invalid_parameter(name, "It must be true or false.")
    return word == "true"


def _read_choice(choices: tuple[str, ...], text: str, name: str) -> str:
    if text not in choices:
        raise invalid_parameter(name, f"It must be one of {', '.join(choices)}.")
    return text


def _read_when(text: str, name: str) -> float:
    try:
        return read_time(text)
    except ValueError:
        raise invalid_parameter(
            name, "It must be of the form yyyy-MM-ddTHH:mm:ssZ.", f"Invalid{name}.Malformed"
        ) from None


def _read_json(text: str, name: str) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except ValueError:
        raise invalid_parameter(name, "It must be a JSON array of strings.") from None
    if not isinstance(found, list) or not all(isinstance(f, str) for f in found):
        raise invalid_parameter(name, "It must be a JSON array of strings.")
    if len(found) > _LONGEST_JSON:
        raise invalid_parameter(name, f"At most {_LONGEST_JSON} at once.")
    return tuple(found)
