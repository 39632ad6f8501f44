# SPDX-License-Identifier: Apache-2.0
"""What actions share: registration, context, pages, tags, lookups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeVar

from hostlift.localcloud.accounts import Account
from hostlift.localcloud.config import Quotas
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.offer.catalogue import REGIONS, region_of_zone
from hostlift.localcloud.state.records import Record
from hostlift.localcloud.state.scope import Scope
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import ApiError, invalid_parameter, not_found
from hostlift.localcloud.wire.gate import Key
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Page, Request, Size100
from hostlift.localcloud.world import World


@dataclass(slots=True)
class Context:
    """A call being answered; ``jobs`` are queued once its records are stored.

    Attributes:
        region: The one the call names; empty: none.
        store: What the caller sees.
        source: The address the call came from.
    """

    cloud: World
    caller: Key
    account: Account
    product: Product
    region: str
    store: Scope
    source: str = ""
    jobs: list[tuple[Job, float]] = field(default_factory=list)

    @property
    def quotas(self) -> Quotas:
        """How much the account may have in the region."""
        return self.cloud.quotas(self.account, self.region)

    def elsewhere(self, region: str) -> Scope:
        """What the caller sees in another region."""
        return Scope(self.cloud.store, self.account.id, region)

    def later(self, job: Job, delay: float | None = None) -> None:
        """Queue slow work; by default after the pace of passing states."""
        self.jobs.append((job, self.cloud.settings.delay if delay is None else delay))

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.cloud.clock.now()


class Order(Enum):
    """What an action asks of the account."""

    NOTHING = auto()
    STANDING = auto()
    """It makes something: refused to an account that owes money."""
    MONEY = auto()
    """It buys something that is billed by the hour: needs a balance, and the right to order."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the API.

    Attributes:
        on: Patterns of the resources a permission for it is about, beside those the request
            names: ``instance/*`` of its own service, or ``vpc:vswitch/*``.
        free: Needs no permission.
    """

    product: Product
    name: str
    request: type[Request]
    answer: Callable[[Context, Any], Body]
    on: tuple[str, ...] = ()
    order: Order = Order.NOTHING
    free: bool = False

    @property
    def reads(self) -> bool:
        """It changes nothing."""
        return self.name.startswith(("Describe", "List", "Get", "Query"))


_WORD = 128
"""Longest name, tag key and tag value."""
_SHORTEST_NAME = 2
_TEXT = 256
"""Longest description."""

ACTIONS: dict[tuple[Product, str], Action] = {}
Q = TypeVar("Q", bound=Request)
T = TypeVar("T")
R = TypeVar("R", bound=Record)


def action(
    product: Product,
    request: type[Q],
    name: str = "",
    *,
    on: str = "",
    order: Order = Order.NOTHING,
    free: bool = False,
) -> Callable[[Callable[[Context, Q], Body]], Callable[[Context, Q], Body]]:
    """Register a function as the answer to the action its request class is named after.

    ``on`` is the words of `Action.on` with blanks between.
    """

    def register(answer: Callable[[Context, Q], Body]) -> Callable[[Context, Q], Body]:
        found = Action(
            product,
            name or request.__name__,
            request,
            answer,
            on=tuple(on.split()),
            order=order,
            free=free,
        )
        ACTIONS[product, found.name] = found
        return answer

    return register


@dataclass(frozen=True, kw_only=True)
class TagPart:
    """A tag of a request; old clients write the words in lower case."""

    Key: str = ""
    Value: str = ""
    key: str = ""
    value: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """Key and value."""
        return self.Key or self.key, self.Value or self.value


@dataclass(frozen=True, kw_only=True)
class Regional(Request):
    """Requests about one region."""

    RegionId: str


@dataclass(frozen=True, kw_only=True)
class Paged(Regional):
    """Requests answered page by page."""

    PageNumber: Page = 1
    PageSize: Size100 = 10


@dataclass(frozen=True, kw_only=True)
class Tokened(Paged):
    """Requests answered page by page, by number or by token."""

    NextToken: str = ""
    MaxResults: Size100 | None = None


def page(ask: Paged, found: Sequence[T]) -> tuple[Sequence[T], dict[str, Json]]:
    """One page of what was found, and the fields that say which."""
    if isinstance(ask, Tokened) and (ask.NextToken or ask.MaxResults is not None):
        return _token_page(ask, found)
    start = (ask.PageNumber - 1) * ask.PageSize
    fields: dict[str, Json] = {
        "TotalCount": len(found),
        "PageNumber": ask.PageNumber,
        "PageSize": ask.PageSize,
    }
    if isinstance(ask, Tokened):
        fields["NextToken"] = ""
    return found[start : start + ask.PageSize], fields


def page_by_token(found: Sequence[T], token: str, most: int) -> tuple[Sequence[T], str]:
    """The items that a token says come next, and the token of those after them."""
    if token and not token.isdigit():
        raise invalid_parameter("NextToken", code="InvalidNextToken")
    start = int(token or 0)
    end = start + most
    return found[start:end], str(end) if end < len(found) else ""


def _token_page(ask: Tokened, found: Sequence[T]) -> tuple[Sequence[T], dict[str, Json]]:
    most = ask.MaxResults or ask.PageSize
    shown, following = page_by_token(found, ask.NextToken, most)
    fields: dict[str, Json] = {
        "TotalCount": len(found),
        "PageNumber": ask.PageNumber,
        "PageSize": most,
        "NextToken": following,
    }
    return shown, fields


def read_tags(tags: Sequence[TagPart], most: int = 20) -> dict[str, str]:
    """The tags of a request, checked as documented.

    Raises:
        ApiError: Too many, twice the same key, or a reserved or too long word.
    """
    if len(tags) > most:
        raise ApiError("InvalidTagCount", "The specified tags are beyond the permitted range.")
    found: dict[str, str] = {}
    for number, tag in enumerate(tags, 1):
        key, value = tag.pair
        if not key or len(key) > _WORD or key.startswith(("acs:", "aliyun")) or "://" in key:
            raise ApiError(
                "InvalidTagKey.Malformed", f"The specified Tag.{number}.Key is not valid."
            )
        if len(value) > _WORD or value.startswith("acs:") or "://" in value:
            raise ApiError(
                "InvalidTagValue.Malformed", f"The specified Tag.{number}.Value is not valid."
            )
        if key in found:
            raise ApiError("Duplicate.TagKey", "The Tag.N.Key contain duplicate key.")
        found[key] = value
    return found


def tags_of(record: Record) -> Body:
    """Tags in the form of ECS."""
    return {"Tag": [{"TagKey": k, "TagValue": v} for k, v in record.tags.items()]}


def check_region(region: str) -> None:
    """Refuse unknown regions."""
    if region not in REGIONS:
        raise not_found("RegionId", region)


def check_zone(zone: str, region: str) -> None:
    """Refuse zones that are not of the region."""
    if region_of_zone(zone) != region:
        raise not_found("ZoneId", zone)


def need(record: R | None, parameter: str, key: str) -> R:
    """The record, or the refusal that it does not exist."""
    if record is None:
        raise not_found(parameter, key)
    return record


def check_name(name: str, parameter: str, code: str = "") -> None:
    """Refuse names that break the common rule: 2 to 128 characters, first a letter."""
    code = code or f"Invalid{parameter}.Malformed"
    if name and (
        not _SHORTEST_NAME <= len(name) <= _WORD
        or not name[0].isalpha()
        or name.startswith(("http://", "https://"))
        or not all(c.isalnum() or c in "._-:/ ()[]," for c in name)
    ):
        raise invalid_parameter(parameter, code=code)


def check_description(text: str, code: str = "InvalidDescription.Malformed") -> None:
    """Refuse descriptions that break the common rule: up to 256 characters, no URL first."""
    if len(text) > _TEXT or text.startswith(("http://", "https://")):
        raise invalid_parameter("Description", code=code)


DONE: Body = {}
"""The answer of actions that return nothing but a request id."""
