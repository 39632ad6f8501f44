# SPDX-License-Identifier: Apache-2.0
"""Results and errors as bodies: JSON, or XML for a client that asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from xml.etree import ElementTree as ET

from hostlift.localcloud.wire.errors import ApiError

Json: TypeAlias = "bool | int | float | str | list[Json] | Mapping[str, Json] | None"
Body: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP.

    Attributes:
        code: The API's ``Code`` of a refusal.
        lost: Nothing goes back: the connection ends ``hold`` seconds later.
    """

    status: int
    content_type: str
    body: bytes
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False
    hold: float = 0.0

    def but_lost(self, hold: float = 0.0) -> Answer:
        """The same, as its caller never sees it."""
        return replace(self, lost=True, hold=hold)


def success(body: Body, *, action: str, request_id: str, xml: bool = False) -> Answer:
    """A result with its request id."""
    return _render(200, {"RequestId": request_id, **body}, f"{action}Response", xml)


def failure(error: ApiError, *, host: str, request_id: str, xml: bool = False) -> Answer:
    """The documented error document."""
    body: dict[str, Json] = {
        "RequestId": request_id,
        "HostId": host,
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?q={error.code}&requestId={request_id}",
    }
    if error.detail is not None:
        body["AccessDeniedDetail"] = dict(error.detail)
    done = replace(_render(error.status, body, "Error", xml), code=error.code)
    if not error.retry_after:
        return done
    return replace(done, headers={"x-acs-retry-after": str(round(error.retry_after * 1000))})


def bad_gateway() -> Answer:
    """A page of something between client and API that has no API behind it."""
    return Answer(502, "text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>")


def _render(status: int, body: Body, root: str, xml: bool) -> Answer:
    if xml:
        tree = ET.Element(root)
        _grow(tree, body)
        return Answer(
            status,
            "text/xml;charset=utf-8",
            ET.tostring(tree, "utf-8", xml_declaration=True),
        )
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, "application/json;charset=utf-8", text.encode())


def _grow(node: ET.Element, body: Body) -> None:
    for name, value in body.items():
        for one in value if isinstance(value, list) else [value]:
            child = ET.SubElement(node, name)
            if isinstance(one, Mapping):
                _grow(child, one)
            elif isinstance(one, bool):
                child.text = str(one).lower()
            elif one is not None:
                child.text = str(one)
