# SPDX-License-Identifier: Apache-2.0
"""ECS and VPC: tags on resources that exist already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Paged,
    Regional,
    TagPart,
    action,
    need,
    page,
    page_by_token,
    read_tags,
)
from hostlift.localcloud.state.records import Record
from hostlift.localcloud.state.scope import View
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.errors import (
    ApiError,
    conflict,
    invalid_parameter,
    missing_parameter,
)
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged

_MOST_TAGS = 20
_MOST_IDS = 50


@dataclass(frozen=True, kw_only=True)
class FilterPart:
    """A key with alternative values."""

    TagKey: str = ""
    TagValues: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TagResources(Regional):
    """Set tags on up to fifty resources."""

    ResourceType: str
    ResourceId: tuple[str, ...]
    Tag: tuple[TagPart, ...]


@dataclass(frozen=True, kw_only=True)
class UntagResources(Regional):
    """Remove tags by key, or all of them."""

    ResourceType: str
    ResourceId: tuple[str, ...]
    TagKey: tuple[str, ...] = ()
    All: bool = False


@dataclass(frozen=True, kw_only=True)
class ListTagResources(Regional):
    """Which resource has which tag."""

    ResourceType: str
    ResourceId: tuple[str, ...] = ()
    Tag: tuple[TagPart, ...] = ()
    TagFilter: tuple[FilterPart, ...] = ()
    NextToken: str = ""
    MaxResults: Annotated[int, Ranged(1, 50)] = 50


@dataclass(frozen=True, kw_only=True)
class DescribeTags(Paged):
    """Tags with counts of what has them."""

    HARMLESS = "Category"

    PageSize: Annotated[int, Ranged(1, 100)] = 50
    ResourceType: str = ""
    ResourceId: str = ""
    Tag: tuple[TagPart, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kind:
    records: Callable[[], Sequence[Record]]
    put: Callable[[Record], None]


def _kinds(context: Context) -> Mapping[str, _Kind]:
    store = context.store
    tables: Mapping[str, View[Any]] = (
        {"VPC": store.vpcs, "VSWITCH": store.vswitches, "EIP": store.eips}
        if context.product is Product.VPC
        else {
            "instance": store.instances,
            "disk": store.disks,
            "snapshot": store.snapshots,
            "image": store.images,
            "securitygroup": store.groups,
        }
    )
    return {name: _Kind(table.all, table.put) for name, table in tables.items()}


def _kind(context: Context, name: str) -> _Kind:
    kinds = _kinds(context)
    wanted = name.upper() if context.product is Product.VPC else name.lower()
    if wanted not in kinds:
        raise invalid_parameter(
            "ResourceType", f"One of {', '.join(kinds)}.", "InvalidResourceType.NotFound"
        )
    return kinds[wanted]


def _need_all(kind: _Kind, ids: Sequence[str]) -> list[Record]:
    if len(ids) > _MOST_IDS:
        raise ApiError("NumberExceed.ResourceIds", f"At most {_MOST_IDS} resources at once.")
    known = {r.id: r for r in kind.records()}
    return [need(known.get(i), "ResourceId", i) for i in ids]


@action(Product.VPC, TagResources)
@action(Product.ECS, TagResources)
def tag_resources(context: Context, ask: TagResources) -> Body:
    """A key that is there gets the new value; all or nothing."""
    kind = _kind(context, ask.ResourceType)
    new = read_tags(ask.Tag)
    for record in _need_all(kind, ask.ResourceId):
        tags = {**record.tags, **new}
        if len(tags) > _MOST_TAGS:
            raise conflict("QuotaExceed.Tags", "A resource has at most 20 tags.")
        kind.put(replace(record, tags=tags))
    return DONE


@action(Product.VPC, UntagResources, "UnTagResources")
@action(Product.ECS, UntagResources)
def untag_resources(context: Context, ask: UntagResources) -> Body:
    """A key that is not there is no error; ``All`` counts only without keys."""
    kind = _kind(context, ask.ResourceType)
    if not ask.TagKey and not ask.All:
        raise missing_parameter("TagKey")
    for record in _need_all(kind, ask.ResourceId):
        kept = {k: v for k, v in record.tags.items() if ask.TagKey and k not in ask.TagKey}
        kind.put(replace(record, tags=kept))
    return DONE


@action(Product.VPC, ListTagResources)
@action(Product.ECS, ListTagResources)
def list_tag_resources(context: Context, ask: ListTagResources) -> Body:
    """Pairs of resource and tag, in pages by token."""
    if not ask.ResourceId and not ask.Tag and not ask.TagFilter:
        raise missing_parameter("ResourceId or Tag")
    kind_name = ask.ResourceType if context.product is Product.VPC else ask.ResourceType.lower()
    rows: list[Json] = [
        {"ResourceId": r.id, "ResourceType": kind_name, "TagKey": k, "TagValue": v}
        for r in _kind(context, ask.ResourceType).records()
        if not ask.ResourceId or r.id in ask.ResourceId
        if _has_all(r, ask)
        for k, v in r.tags.items()
        if _is_asked(k, ask)
    ]
    shown, following = page_by_token(rows, ask.NextToken, ask.MaxResults)
    return {"NextToken": following, "TagResources": {"TagResource": [*shown]}}


@action(Product.ECS, DescribeTags)
def describe_tags(context: Context, ask: DescribeTags) -> Body:
    """The older listing."""
    wanted = [t.pair for t in ask.Tag]
    counts: dict[tuple[str, str], dict[str, Json]] = {}
    for name, kind in _kinds(context).items():
        if ask.ResourceType and ask.ResourceType.lower() != name:
            continue
        for record in kind.records():
            if ask.ResourceId not in {"", record.id}:
                continue
            for pair in record.tags.items():
                if not wanted or any(k == pair[0] and v in {"", pair[1]} for k, v in wanted):
                    _count(counts.setdefault(pair, {}), name.capitalize())
    rows: list[Json] = [
        {"TagKey": k, "TagValue": v, "ResourceTypeCount": n} for (k, v), n in counts.items()
    ]
    shown, numbers = page(ask, rows)
    return {"Tags": {"Tag": [*shown]}, **numbers}


def _count(counts: dict[str, Json], name: str) -> None:
    before = counts.get(name, 0)
    counts[name] = (before if isinstance(before, int) else 0) + 1


def _has_all(record: Record, ask: ListTagResources) -> bool:
    pairs = [t.pair for t in ask.Tag]
    return all(k in record.tags and v in {"", record.tags[k]} for k, v in pairs) and all(
        f.TagKey in record.tags and (not f.TagValues or record.tags[f.TagKey] in f.TagValues)
        for f in ask.TagFilter
    )


def _is_asked(key: str, ask: ListTagResources) -> bool:
    keys = {*(t.pair[0] for t in ask.Tag), *(f.TagKey for f in ask.TagFilter)}
    return not keys or key in keys
