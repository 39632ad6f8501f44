# SPDX-License-Identifier: Apache-2.0
"""How a request becomes parameters.

``snake_case`` becomes ``PascalCase``, a tuple of records ``Name.1.Field``; what is None or empty
is not sent; ``region_id`` is filled in by the gateway.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

from hostlift.clouds.alibaba.records import Page

if TYPE_CHECKING:
    from hostlift.clouds.alibaba.actions import Action
    from hostlift.clouds.alibaba.fields import Json

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

LARGEST_PAGE = 50
"""VPC answers at most 50 items a page, ECS 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ABC, Generic[R_co]):
    """A call to make; ``R_co`` is what it answers."""

    action: ClassVar[Action]

    @abstractmethod
    def answer(self, body: Json) -> R_co:
        """Read the answer.

        Raises:
            Malformed: It lacks what it must hold.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged(Request[Page[T]], Generic[T]):
    """A call that answers in pages."""

    page_number: int = 1
    page_size: int = LARGEST_PAGE

    def next_page(self) -> Self:
        """The same question about the following items."""
        return replace(self, page_number=self.page_number + 1)


def parameters(request: Request[R_co], region: str) -> dict[str, str]:
    """The request as flat names and values."""
    flat: dict[str, str] = {}
    _flatten("", request, flat)
    if "region_id" in {f.name for f in fields(request)}:
        flat["RegionId"] = region
    return flat


def _flatten(prefix: str, value: object, flat: dict[str, str]) -> None:
    if is_dataclass(value):
        for field in fields(value):
            name = "".join(part.capitalize() for part in field.name.split("_"))
            _flatten(f"{prefix}.{name}" if prefix else name, getattr(value, field.name), flat)
    elif isinstance(value, tuple):
        for n, element in enumerate(value, 1):
            _flatten(f"{prefix}.{n}", element, flat)
    elif isinstance(value, bool):
        flat[prefix] = "true" if value else "false"
    elif value not in {None, ""}:
        flat[prefix] = str(value)


def id_list(*ids: str) -> str:
    """Several ids as the API wants them: a JSON list inside a text."""
    return json.dumps(ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag to give or to look for."""

    key: str
    value: str


def tag_list(tags: dict[str, str]) -> tuple[Tag, ...]:
    """Tags in a stable order, so that a repeated call is the same call."""
    return tuple(Tag(key=k, value=v) for k, v in sorted(tags.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Request[None]):
    """A call whose answer tells nothing but that it was accepted."""

    def answer(self, body: Json) -> None:
        """See `Request`."""


def client_token(token: str, action: Action) -> str:
    """The ``ClientToken`` of one call made for ``token``: 64 ASCII characters, always the same."""
    return hashlib.sha256(f"{token}\0{action.api_name}".encode()).hexdigest()
