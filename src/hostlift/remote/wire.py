# SPDX-License-Identifier: Apache-2.0
"""Messages to JSON and back, and the names that both ends derive from them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import blake3

from hostlift.errors import AgentRefused, ProtocolError
from hostlift.remote.messages import Refusal
from hostlift.remote.seed.depot import DIGEST_HEADER

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from hostlift.remote.channel import Answer
    from hostlift.remote.messages import JobOrder

__all__ = [
    "ATTEMPT_HEADER",
    "DIGEST_HEADER",
    "accepted",
    "from_json",
    "job_id",
    "refused",
    "to_json",
]

ATTEMPT_HEADER = "Hostlift-Attempt"
"""Random word of one `AgentClient.run`: a POST that is repeated because its answer was lost is the
same attempt and starts nothing again."""

_Message = TypeVar("_Message")


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    # A fifth of a second, two on an emulated processor: paid by whoever reads the first message.
    from pydantic import TypeAdapter  # noqa: PLC0415

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_json(message: Any) -> bytes:
    """A message of `messages` as JSON."""
    return _adapter(type(message)).dump_json(message)


def from_json(kind: type[_Message], raw: bytes) -> _Message:
    """Inverse of `to_json`.

    Raises:
        ProtocolError: ``raw`` is not a ``kind``; the error names the field.
    """
    try:
        message: _Message = _adapter(kind).validate_json(raw)
    except ValueError as error:
        raise ProtocolError(f"not a {kind.__name__}: {_brief(error)}") from error
    return message


def job_id(order: JobOrder) -> str:
    """The content address of an order: equal orders have equal ids, in every process."""
    canonical = json.dumps(json.loads(to_json(order)), sort_keys=True, separators=(",", ":"))
    return blake3.blake3(canonical.encode()).hexdigest()


def accepted(answer: Answer) -> bytes:
    """The body of a good answer.

    Raises:
        AgentRefused: It was a refusal.
    """
    if answer.status // 100 == 2:  # noqa: PLR2004 - 2xx
        return answer.body
    try:
        refusal = from_json(Refusal, answer.body)
    except ProtocolError:
        refusal = Refusal(code="agent.http", message=f"answered with HTTP status {answer.status}")
    raise refused(refusal)


def refused(refusal: Refusal) -> AgentRefused:
    """The error that a refusal is on our side."""
    return AgentRefused(
        refusal.message, subject=refusal.subject, hint=refusal.hint, agent_code=refusal.code
    )


def _brief(error: ValueError) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines()[1:4]) or type(error).__name__
