# SPDX-License-Identifier: Apache-2.0
"""A fault at every single API call of a whole migration, one run for each call and kind of fault.

The whole pipeline with the real driver against the embedded cloud on paper. A run ends with the
image and its snapshots and nothing else, or in an error that says what to do; then `data clear`
leaves an empty account.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from fakes.paperstories import PaperStage

from hostlift.errors import HostliftError
from hostlift.flow import pipeline
from hostlift.flow.context import Context
from hostlift.flow.results import Results
from hostlift.localcloud.faults.kinds import Fault, FaultKind, kinds_for

pytestmark = [pytest.mark.root, pytest.mark.slow]

PASSING = frozenset(
    {
        FaultKind.THROTTLE,
        FaultKind.UNAVAILABLE,
        FaultKind.INTERNAL,
        FaultKind.BAD_GATEWAY,
        FaultKind.NO_ANSWER,
        FaultKind.LOST_REPLY,
        FaultKind.STALE,
        FaultKind.SLOW,
        FaultKind.NO_STOCK,
    }
)
"""What passes by itself, or has another way, must not end a migration."""


def _calls(folder: Path) -> list[tuple[int, str]]:
    stage = PaperStage(folder)
    try:
        stage.run()
        return [(call.number, call.action) for call in stage.paper.cloud.faults.made]
    finally:
        stage.close()


def _end(folder: Path, fault: Fault) -> str:
    """How a migration with one fault ends."""
    stage = PaperStage(folder, wishes={"faults": (fault,)})
    try:
        refused = _refusal(stage)
        if refused is None:
            assert stage.left() == {"images": 1, "snapshots": 1}, fault
            return "well"
        assert refused.hint, (fault, refused)
        stage.run(verb=_give_up)
        assert stage.left() == {}, (fault, refused)
        return str(getattr(refused, "api_code", refused.code))
    finally:
        stage.close()


def _refusal(stage: PaperStage) -> HostliftError | None:
    try:
        stage.run()
    except HostliftError as error:
        return error
    return None


def _give_up(ctx: Context) -> Results:
    pipeline.give_up(ctx)
    return pipeline.results_of(ctx.journal)


def test_a_fault_at_every_call_ends_well_or_with_a_remedy_and_an_empty_account(
    tmp_path: Path,
) -> None:
    calls = _calls(tmp_path / "well")
    faults = [Fault(kind=kind, call=n) for n, action in calls for kind in kinds_for(action)]
    folders = [tmp_path / f"{fault.call}-{fault.kind.value}" for fault in faults]
    ends: dict[FaultKind, Counter[str]] = {kind: Counter() for kind in FaultKind}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for fault, end in zip(faults, pool.map(_end, folders, faults, chunksize=8), strict=True):
            ends[fault.kind][end] += 1
    runs = sum(sum(counter.values()) for counter in ends.values())
    print(f"{runs} migrations, {len(calls)} calls each")  # noqa: T201 - the count is the result
    for kind, counter in ends.items():
        print(f"  {kind.value}: {dict(counter)}")  # noqa: T201
    assert runs > 500
    assert {k: dict(ends[k]) for k in PASSING if set(ends[k]) != {"well"}} == {}
