# SPDX-License-Identifier: Apache-2.0
"""Policy documents: RAM's JSON, read strictly, so that a misspelt word is told and not ignored.

Format: https://www.alibabacloud.com/help/en/ram/policy-structure-and-syntax.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from hostlift.errors import ConfigError
from hostlift.localcloud.ram.conditions import check_operator

_STRICT = ConfigDict(extra="forbid")


def _listed(value: object) -> object:
    """RAM writes one word where a list has one item."""
    return (value,) if isinstance(value, str) else value


def _texts(value: object) -> object:
    if isinstance(value, bool):
        return ("true",) if value else ("false",)
    if isinstance(value, int | float | str):
        return (str(value),)
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Values = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Operator = Annotated[str, BeforeValidator(check_operator)]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Principals:
    """Who a trust policy lets in; the first kind has ARNs, the second services."""

    RAM: Words = ()
    Service: Words = ()


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Statement:
    """One rule; a condition holds when each operator holds for each of its keys."""

    Effect: Literal["Allow", "Deny"]
    Action: Words = ()
    NotAction: Words = ()
    Resource: Words = ()
    NotResource: Words = ()
    Principal: Principals | None = None
    Condition: dict[Operator, dict[str, Values]] | None = None

    @model_validator(mode="after")
    def _is_about_something(self) -> Statement:
        if bool(self.Action) == bool(self.NotAction):
            raise ValueError("a statement has either Action or NotAction")
        if self.Principal is None and bool(self.Resource) == bool(self.NotResource):
            raise ValueError("a statement has either Resource or NotResource")
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Policy:
    """A policy document."""

    Version: Literal["1"]
    Statement: tuple[Statement, ...]


_ADAPTER = TypeAdapter(Policy)


def read_policy(text: str | bytes, subject: str) -> Policy:
    """A policy document from its JSON.

    Raises:
        ConfigError: It is none; ``subject`` is what it was for.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"not a RAM policy: {error}", subject=subject) from error


def write_policy(policy: Policy) -> str:
    """The JSON of a policy document."""
    return _ADAPTER.dump_json(policy, exclude_none=True).decode()
