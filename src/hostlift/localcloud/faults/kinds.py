# SPDX-License-Identifier: Apache-2.0
"""Every kind of fault.

A kind strikes at one moment of a call: it refuses it before anything is done, it changes what a
reading call sees, it changes what the call began, or it loses the answer to what was done.
"""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from enum import Enum, StrEnum, auto
from fnmatch import fnmatchcase

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass


class FaultKind(StrEnum):
    """What goes wrong."""

    ERROR = "error"
    THROTTLE = "throttle"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"
    BAD_GATEWAY = "bad-gateway"
    NO_STOCK = "no-stock"
    NO_ANSWER = "no-answer"
    LOST_REPLY = "lost-reply"
    STALE = "stale"
    SLOW = "slow"
    FAILS = "fails"
    INSTANCE_KILLED = "instance-killed"
    INSTANCE_DELETED = "instance-deleted"


class Moment(Enum):
    """When a kind strikes."""

    BEFORE = auto()
    """Nothing is done."""
    READING = auto()
    """The call sees the past."""
    EFFECT = auto()
    """It is done, and goes wrong afterwards."""
    AFTER = auto()
    """It is done, and the caller does not learn it."""


@plain_dataclass(frozen=True, slots=True)
class Nature:
    """What a kind is.

    Attributes:
        actions: Patterns of the actions it can strike.
        code: What the refused caller is told; empty: no document is sent.
        seconds: What ``Fault.seconds`` means for it.
    """

    moment: Moment
    meaning: str
    actions: tuple[str, ...] = ("*",)
    code: str = ""
    message: str = ""
    status: int = 400
    seconds: str = ""


READING = ("Describe*", "List*")
"""Actions that answer from records, and so may answer from old ones."""
_LASTING = (
    "Create*", "Run*", "Start*", "Stop*", "Reboot*", "Delete*", "Attach*", "Detach*", "Copy*",
    "Replace*", "Associate*", "Unassociate*",
)  # fmt: skip
_FALLIBLE = ("CreateSnapshot", "CreateImage", "CopyImage", "RunInstances", "StartInstance")

NATURES: dict[FaultKind, Nature] = {
    FaultKind.ERROR: Nature(
        Moment.BEFORE, "refused with `code`, `message` and `status`", code="UnknownError"
    ),
    FaultKind.THROTTLE: Nature(
        Moment.BEFORE,
        "refused: too many calls",
        code="Throttling.User",
        message="Request was denied due to user flow control.",
        seconds="told in the header `x-acs-retry-after`",
    ),
    FaultKind.UNAVAILABLE: Nature(
        Moment.BEFORE,
        "refused: 503",
        code="ServiceUnavailable",
        message="The request has failed due to a temporary failure of the server.",
        status=503,
    ),
    FaultKind.INTERNAL: Nature(
        Moment.BEFORE,
        "refused: 500",
        code="InternalError",
        message="The request processing has failed due to some unknown error.",
        status=500,
    ),
    FaultKind.BAD_GATEWAY: Nature(
        Moment.BEFORE, "a page of HTML from something between client and API", status=502
    ),
    FaultKind.NO_STOCK: Nature(
        Moment.BEFORE,
        "refused: sold out",
        actions=("RunInstances", "StartInstance"),
        code="OperationDenied.NoStock",
        message="The requested resource is sold out in the specified zone; try other types of"
        " resources or other regions and zones.",
        status=403,
    ),
    FaultKind.NO_ANSWER: Nature(
        Moment.BEFORE,
        "nothing is done and the connection ends without an answer",
        seconds="the connection is held so long first",
    ),
    FaultKind.LOST_REPLY: Nature(
        Moment.AFTER,
        "everything is done and the connection ends without an answer",
        seconds="a retry with the same ClientToken is told `IdempotentProcessing` for so long",
    ),
    FaultKind.STALE: Nature(
        Moment.READING,
        "the answer is of the past: creations, changes of state and deletions do not show yet",
        actions=READING,
        seconds="how far in the past (5 unless given)",
    ),
    FaultKind.SLOW: Nature(
        Moment.EFFECT,
        "what the call began stays in its passing state",
        actions=_LASTING,
        seconds="so much longer (60 unless given)",
    ),
    FaultKind.FAILS: Nature(
        Moment.EFFECT,
        "what the call began ends badly: the snapshot is `failed`, the image `CreateFailed`, the"
        " instance `Stopped` without having run",
        actions=_FALLIBLE,
    ),
    FaultKind.INSTANCE_KILLED: Nature(
        Moment.EFFECT,
        "an instance loses its power: the one the call is about, else the newest",
        seconds="so long after the call; one that does not run yet, once it runs",
    ),
    FaultKind.INSTANCE_DELETED: Nature(
        Moment.EFFECT,
        "somebody releases an instance: the one the call is about, else the newest",
        seconds="so long after the call",
    ),
}
_DEFAULT_SECONDS = {FaultKind.STALE: 5.0, FaultKind.SLOW: 60.0}


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Fault:
    """A fault to come.

    Attributes:
        action: A pattern of action names (``*`` is a wildcard), or of ``ecs:RunInstances``.
        account: Name of the account whose calls it strikes; empty: any.
        call: Strike the ``call``-th call of the run, whatever calls came before; 0: any.
        nth: Begin at the ``nth`` call that matches.
        times: Strike so many matching calls; 0: all from then on.
        chance: Of 1; below it, luck decides at each matching call (`Settings.seed`).
        code: With ``message`` and ``status``: what a refused caller is told.
        seconds: See `Nature.seconds`.
        instance: Id or name of the instance that is killed or deleted.
    """

    kind: FaultKind = FaultKind.ERROR
    action: str = "*"
    account: str = ""
    call: int = Field(default=0, ge=0)
    nth: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=0)
    chance: float = Field(default=1.0, gt=0, le=1)
    code: str = ""
    message: str = ""
    status: int = Field(default=0, ge=0, le=599)
    seconds: float = Field(default=0.0, ge=0)
    instance: str = ""

    @model_validator(mode="after")
    def _is_complete(self) -> Fault:
        if self.kind is FaultKind.ERROR and not self.code:
            raise ValueError("a fault of the kind 'error' needs a code")
        return self

    @property
    def nature(self) -> Nature:
        """What its kind is."""
        return NATURES[self.kind]

    @property
    def length(self) -> float:
        """``seconds``, or what its kind has when none are given."""
        return self.seconds or _DEFAULT_SECONDS.get(self.kind, 0.0)

    def strikes(self, product: str, action: str) -> bool:
        """Whether it can strike an action, call numbers and luck aside."""
        name = f"{product}:{action}" if ":" in self.action else action
        return fnmatchcase(name, self.action) and can_strike(self.kind, action)


def can_strike(kind: FaultKind, action: str) -> bool:
    """Whether a kind makes sense for an action."""
    return any(fnmatchcase(action, pattern) for pattern in NATURES[kind].actions)


def kinds_for(action: str) -> tuple[FaultKind, ...]:
    """Every kind that can strike an action; `FaultKind.ERROR` aside, which needs a code."""
    return tuple(k for k in FaultKind if k is not FaultKind.ERROR and can_strike(k, action))
