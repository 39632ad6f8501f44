# SPDX-License-Identifier: Apache-2.0
"""Runs the story: skips what was done and still holds, journals the rest.

A step that was done is skipped when its inputs have the same fingerprint and the world still looks
as it left it (`Step.holds`). A step whose result *stands alone* (the captured image) makes
everything before it unnecessary. One of the three places where any exception is caught: it is
journaled and raised again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from hostlift.errors import HostliftError, Retry, StateError
from hostlift.events import StepFinished, StepStarted
from hostlift.flow.context import Context
from hostlift.flow.journal import Journal, Record
from hostlift.flow.results import Result, Results, need

R = TypeVar("R", bound=Result)
Told = TypeVar("Told")
_RESETS = 2


class Step(Protocol[R]):
    """One step of the story.

    Attributes:
        name: Field of `Results` and word in the journal.
        title: What a person reads.
        result: Type of what it hands on.
        stands_alone: While the result holds, no earlier step needs to.
    """

    name: str
    title: str
    result: type[R]
    stands_alone: bool

    def inputs(self, ctx: Context, so_far: Results) -> object:
        """Everything the outcome depends on, as JSON-able data; its hash is the fingerprint."""
        ...

    def holds(self, ctx: Context, so_far: Results, result: R) -> bool:
        """Whether the world still is as this step left it. Looks, changes nothing."""
        ...

    def run(self, ctx: Context, so_far: Results) -> R:
        """Do it. May be killed at any instruction and is then run again."""
        ...


def tell(
    story: Sequence[Step[Any]],
    ctx: Context,
    *,
    until: str = "",
    taken: Collection[str] = (),
) -> Results:
    """Run the steps in order, up to and including ``until``.

    Args:
        taken: Steps that were told elsewhere: their results are taken from the journal as they are.

    Raises:
        HostliftError: What stopped it; the journal has it, and the same call continues.
    """
    results = Results()
    first = _after_standing(story, ctx, results)
    for number, step in enumerate(story):
        before = ctx.clock.monotonic()
        if step.name in taken:
            need(_load(step, ctx.journal, results))
            ctx.sink(StepFinished(step.name, 0.0, skipped=True))
        elif number < first or _still_done(step, ctx, results):
            ctx.sink(StepFinished(step.name, 0.0, skipped=True))
        else:
            _run(step, ctx, results)
            ctx.sink(StepFinished(step.name, ctx.clock.monotonic() - before))
        if step.name == until:
            break
    return results


def retold(ctx: Context, tell_it: Callable[[], Told]) -> Told:
    """Tell a story; what vanished while it was told is noticed by telling it again."""
    for _ in range(_RESETS):
        try:
            return tell_it()
        except HostliftError as error:
            if error.retry is not Retry.RESET:
                raise
            ctx.note(f"{error}; looking at everything again", "warning")
    return tell_it()


def fingerprint(inputs: object) -> str:
    """Hash of JSON-able data."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def recall(story: Sequence[Step[Any]], journal: Journal) -> Results:
    """The results in the journal, without a look at the world."""
    results = Results()
    for step in story:
        _load(step, journal, results)
    return results


def _after_standing(story: Sequence[Step[Any]], ctx: Context, results: Results) -> int:
    standing = 0
    loaded = recall(story, ctx.journal)
    for number, step in enumerate(story):
        value = getattr(loaded, step.name)
        if value is not None and step.stands_alone and step.holds(ctx, loaded, value):
            standing = number
    for step in story[:standing]:
        setattr(results, step.name, getattr(loaded, step.name))
    return standing


def _still_done(step: Step[Any], ctx: Context, results: Results) -> bool:
    done = ctx.journal.state.done.get(step.name)
    if done is None or done.fingerprint != fingerprint(step.inputs(ctx, results)):
        return False
    result = _load(step, ctx.journal, results)
    if step.holds(ctx, results, result):
        return True
    setattr(results, step.name, None)
    return False


def _run(step: Step[Any], ctx: Context, results: Results) -> None:
    ctx.waiter.check()
    mark = fingerprint(step.inputs(ctx, results))
    ctx.sink(StepStarted(step.name, step.title))
    ctx.journal.append(Record.STARTED, step=step.name, fingerprint=mark)
    try:
        result = step.run(ctx, results)
    except HostliftError as error:
        ctx.journal.append(Record.FAILED, step=step.name, code=error.code, message=str(error))
        raise
    except Exception as error:
        ctx.journal.append(
            Record.FAILED, step=step.name, code="internal", message=type(error).__name__
        )
        raise
    text = _adapter(step.result).dump_json(result).decode()
    ctx.journal.append(Record.DONE, step=step.name, fingerprint=mark, result=text)
    setattr(results, step.name, result)


def _load(step: Step[Any], journal: Journal, results: Results) -> Any:
    done = journal.state.done.get(step.name)
    if done is None:
        return None
    try:
        value = _adapter(step.result).validate_json(done.result)
    except ValidationError as error:
        raise StateError(
            f"result of step {step.name} is of another version ({error.error_count()} fields)",
            subject="client_data.db",
            hint="Finish with the version that began, or 'hostlift data clear' and start again.",
        ) from error
    setattr(results, step.name, value)
    return value


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
