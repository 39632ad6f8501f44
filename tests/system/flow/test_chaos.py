# SPDX-License-Identifier: Apache-2.0
"""A fault at every single API call of a whole migration, one run for each call and kind of fault.

The whole pipeline with the real driver against the embedded cloud on paper. A run ends with the
image and its snapshots and nothing else, or in an error that says what to do; then `data clear`
leaves an empty account, and the same command run again instead ends well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from fakes.paperstories import PaperStage
from fakes.stories import Verb, migrate, rehearse, sync

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


STORY: Sequence[Verb] = (sync, rehearse, migrate)
"""A server that is copied while it serves, cut over for practice, and then for good."""


HARD = frozenset({FaultKind.LOST_REPLY, FaultKind.INSTANCE_DELETED, FaultKind.FAILS})
"""What leaves something behind that nobody was told of, or takes something away."""
LONG_WAY = {
    "accounts": [{"name": "main", "system_disk_from_data": False}, {"name": "partner"}],
}
"""The image is made over a system disk; it is shared, and copied to another region."""


def _long_way(folder: Path, *faults: Fault) -> PaperStage:
    stage = PaperStage(folder, wishes={**LONG_WAY, "faults": faults})
    partner = stage.paper.key("partner").id
    update = {"share_with": (partner,), "copy_to": ("cn-beijing",)}
    stage.settings = stage.settings.model_copy(update=update)
    return stage


def _calls(
    folder: Path,
    story: Sequence[Verb] = (migrate,),
    staged: Callable[[Path], PaperStage] = PaperStage,
) -> list[tuple[int, str]]:
    stage = staged(folder)
    try:
        for verb in story:
            stage.run(verb=verb)
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
    finally:
        stage.close()
    _end_again(folder / "again", fault)
    return str(getattr(refused, "api_code", refused.code))


def _end_again(folder: Path, fault: Fault) -> None:
    """The same, but for the user's second thought: the command is run again."""
    stage = PaperStage(folder, wishes={"faults": (fault,)})
    try:
        assert _refusal(stage) is not None
        stage.run()
        assert stage.left() == {"images": 1, "snapshots": 1}, fault
    finally:
        stage.close()


def _end_of_story(folder: Path, fault: Fault) -> str:
    """How the longer story ends, each command run once more when it fails."""
    stage = PaperStage(folder, wishes={"faults": (fault,)})
    refusals = []
    try:
        for verb in STORY:
            refused = _refusal(stage, verb)
            if refused is not None:
                assert refused.hint, (fault, refused)
                refusals.append(str(getattr(refused, "api_code", refused.code)))
                stage.run(verb=verb)
        assert stage.left() == {"images": 1, "snapshots": 1}, fault
        return " ".join(refusals) or "well"
    finally:
        stage.close()


def _end_of_long_way(folder: Path, fault: Fault) -> str:
    """How the way over a system disk, a share and a copy end: well, or well when run again."""
    stage = _long_way(folder, fault)
    try:
        refused = _refusal(stage)
        if refused is not None:
            assert refused.hint, (fault, refused)
            stage.run()
        assert stage.left() == {"images": 2, "snapshots": 2}, fault
        stage.run(verb=_clear)
        assert stage.left() == {}, fault
        return str(getattr(refused, "api_code", refused.code)) if refused else "well"
    finally:
        stage.close()


def _clear(ctx: Context) -> Results:
    pipeline.give_up(ctx, delete_image=True)
    return pipeline.results_of(ctx.journal)


def _refusal(stage: PaperStage, verb: Verb = migrate) -> HostliftError | None:
    try:
        stage.run(verb=verb)
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
    ends = _run_all(_end, faults, tmp_path)
    assert _tell(ends, len(calls)) > 500
    assert {k: dict(ends[k]) for k in PASSING if set(ends[k]) != {"well"}} == {}


def test_a_rehearsed_migration_that_loses_its_instance_or_copy_anywhere_ends_well(
    tmp_path: Path,
) -> None:
    """Passes, rehearsal, cutover: whatever is lost is made again by the same command."""
    calls = _calls(tmp_path / "well", STORY)
    faults = [
        Fault(kind=kind, call=n)
        for n, action in calls
        for kind in {FaultKind.INSTANCE_DELETED, FaultKind.FAILS} & set(kinds_for(action))
    ]
    assert _tell(_run_all(_end_of_story, faults, tmp_path), len(calls)) > 100


def test_a_fault_anywhere_on_the_long_way_ends_well_and_is_taken_back_whole(
    tmp_path: Path,
) -> None:
    """From the refused image on: carrier, detaching, cloning, copies; then everything is cleared."""
    calls = _calls(tmp_path / "well", staged=_long_way)
    begin = next(n for n, action in calls if action == "CreateImage")
    faults = [
        Fault(kind=kind, call=n)
        for n, action in calls
        for kind in kinds_for(action)
        if n > begin and kind in HARD
    ]
    ends = _run_all(_end_of_long_way, faults, tmp_path)
    assert _tell(ends, len(calls)) > 150
    assert {k: dict(ends[k]) for k in PASSING & set(ends) if set(ends[k]) != {"well"}} == {}


def _run_all(
    end: Callable[[Path, Fault], str], faults: Sequence[Fault], folder: Path
) -> dict[FaultKind, Counter[str]]:
    """How each ends, a process a run."""
    ends: dict[FaultKind, Counter[str]] = {fault.kind: Counter() for fault in faults}
    folders = [folder / f"{fault.call}-{fault.kind.value}" for fault in faults]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for fault, how in zip(faults, pool.map(end, folders, faults, chunksize=8), strict=True):
            ends[fault.kind][how] += 1
    return ends


def _tell(ends: dict[FaultKind, Counter[str]], calls: int) -> int:
    """Print how many runs there were and how they ended; returns the number."""
    runs = sum(sum(counter.values()) for counter in ends.values())
    print(f"{runs} migrations, {calls} calls each")  # noqa: T201 - the count is the result
    for kind, counter in ends.items():
        print(f"  {kind.value}: {dict(counter)}")  # noqa: T201
    return runs
