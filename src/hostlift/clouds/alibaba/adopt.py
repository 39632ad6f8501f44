# SPDX-License-Identifier: Apache-2.0
"""The promise of the port: one token, one resource, however often and from wherever it is asked.

The cloud's own ``ClientToken`` holds for a day or so and only for the very same parameters; a
rerun next week, or with a later release time, would create a second resource. So what is created
carries the token as a tag, and is looked for before and, when the cloud says that an earlier try
differed, after. Searching lags behind creating by seconds; the ``ClientToken`` covers these.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.catalogue import MISMATCHES
from hostlift.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostlift.clouds.alibaba.api import Api
    from hostlift.clouds.alibaba.requests.base import Request

TOKEN_TAG = "hostlift-token"  # noqa: S105 - the name of a tag
_LOOKS = 5
_SECONDS_BETWEEN = 2.0


def tagged(tags: dict[str, str], token: str) -> dict[str, str]:
    """``tags`` with the token among them, in a form that is short and tells nothing."""
    return {**tags, TOKEN_TAG: hashlib.sha256(token.encode()).hexdigest()[:32]}


def create_once(
    api: Api, request: Request[str], find: Callable[[dict[str, str]], str], tags: dict[str, str]
) -> str:
    """Id of the resource that carries the token tag of ``tags``, made now if there is none.

    Args:
        api: Where to make it.
        request: The call that makes it.
        find: Id of the resource with given tags, or empty.
        tags: All its tags.

    Raises:
        CloudError: It cannot be made.
    """
    mark = {TOKEN_TAG: tags[TOKEN_TAG]}
    if known := find(mark):
        return known
    try:
        made = api.call(request)
    except CloudError as error:
        if error.api_code not in MISMATCHES:
            raise
        mismatch = error
    else:
        api.born(made)
        return made
    for _ in range(_LOOKS):
        if known := find(mark):
            return known
        api.clock.sleep(_SECONDS_BETWEEN)
    raise mismatch


def first(ids: list[str]) -> str:
    """The only id, or empty. Two would mean that a token made two: the elder by id is kept."""
    return min(ids, default="")
