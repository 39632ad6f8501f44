# SPDX-License-Identifier: Apache-2.0
"""Passes while the source serves, rehearsals, and a cutover that continues from either."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.cloudthings import Thing
from fakes.stories import STORY, Countdown, Crash, Verb, World, migrate, rehearse, sync

from hostlift.errors import CloudError, Interrupted, Retry, StateError, WaitingForUser
from hostlift.events import Event, Note, Progress, discard
from hostlift.flow import pipeline
from hostlift.flow.journal import open_journal
from hostlift.flow.results import Results
from hostlift.ports.cloud import ResourceKind

pytestmark = pytest.mark.root
HOUR = 3600.0


def images(world: World) -> list[str]:
    """Names of the images that exist."""
    found = [world.cloud.things[r.id] for r in world.cloud.alive(ResourceKind.IMAGE)]
    return sorted(thing.image.name for thing in found if thing.image)


def instance(world: World) -> Thing:
    """The intermediate instance."""
    (found,) = world.cloud.alive(ResourceKind.INSTANCE)
    return world.cloud.things[found.id]


def copied(world: World) -> list[int]:
    """Objects that each pass sent."""
    with open_journal(world.workspace.database, world.clock) as journal:
        return [body["files"] for body in journal.state.passes]


def play(world: World, verbs: Sequence[Verb], *, after: int = 0, before: int = 0) -> int:
    """Run the verbs, the source changing before each; one that is killed is run again.

    Returns:
        How often a run was killed.
    """
    written, asked = Countdown(after), Countdown(before)
    killed = 0
    for number, verb in enumerate(verbs):
        world.change(f"change{number}")
        try:
            world.run_until(written, asked, verb)
        except Crash:
            killed += 1
            world.run(verb=verb)
    return killed


def test_a_sync_makes_passes_only_and_a_second_one_sends_what_changed(tmp_path: Path) -> None:
    """Nothing but the intermediate instance is there, and it is promised a day."""
    world = World(tmp_path)
    world.run(verb=sync)
    first = len(copied(world))
    world.change("later")
    world.clock.time += 600
    world.run(verb=sync)
    sent = copied(world)
    assert sent[0] > 40
    assert 0 < sum(sent[first:]) < 15
    assert images(world) == []
    assert instance(world).release_at == pytest.approx(world.clock.now() + 24 * HOUR, abs=HOUR)
    assert any("lives until" in text for text in world.notes())
    assert any("freeze at cutover now" in text for text in world.notes())


def test_a_cutover_continues_from_a_sync(tmp_path: Path) -> None:
    """No second instance and no second full pass."""
    world = World(tmp_path)
    world.run(verb=sync)
    first = len(copied(world))
    world.change("later")
    results = world.run(verb=migrate)
    world.assert_ended_well()
    assert world.cloud.count("run_instance") == 2  # with the trial
    assert results.replicate is not None
    assert sum(p.files for p in results.replicate.passes[first:]) < 15
    assert results.replicate.passes[0].files == max(copied(world))


def test_a_changed_limit_does_not_ask_about_the_plan_again(tmp_path: Path) -> None:
    """How fast it goes is no part of what was agreed."""
    world = World(tmp_path)
    world.run(verb=sync)
    world.settings = world.settings.model_copy(update={"bandwidth_limit": 5000, "streams": 1})
    world.answer = False
    world.run(verb=sync)
    world.settings = world.settings.model_copy(update={"image_name": "another"})
    with pytest.raises(WaitingForUser):
        world.run(verb=sync)


def test_repeated_rounds_end_at_ctrl_c_between_two_of_them(tmp_path: Path) -> None:
    """``--every``: the time between two beginnings is kept, errors that pass cost one round."""
    world = World(tmp_path)
    waits: list[float] = []

    def watch(event: Event) -> None:
        if isinstance(event, Note) and event.text.startswith("next round at"):
            waits.append(world.clock.now())
            if len(waits) == 2:
                world.cloud.fail_next("state", busy)
            if len(waits) == 4:
                world.stop.set()

    busy = CloudError("busy", api_code="Throttling", action="Describe", retry=Retry.RETRY)
    world.on_event = watch
    world.run(verb=lambda ctx: pipeline.sync(ctx, every=900.0, story=STORY))
    gaps = [b - a for a, b in itertools.pairwise(waits)]
    assert gaps[1:] == [900.0, 900.0]
    assert sum("trying again with the next round" in text for text in world.notes()) == 1
    assert instance(world).release_at > world.clock.now() + 23 * HOUR


def test_outside_of_the_window_passes_wait(tmp_path: Path) -> None:
    """Two hours on the clock of this machine; the user is told."""
    world = World(tmp_path)
    opens = time.localtime(world.clock.now() + 2 * HOUR)
    window = f"{opens.tm_hour:02}:{opens.tm_min:02}-{(opens.tm_hour + 1) % 24:02}:{opens.tm_min:02}"
    world.settings = world.settings.model_copy(update={"bandwidth_window": window})
    before = world.clock.now()
    world.run(verb=sync)
    assert 1.9 * HOUR < world.clock.now() - before < 2.2 * HOUR
    assert any("outside of bandwidth_window" in text for text in world.notes())
    world.assert_copied()


def test_a_window_that_closes_under_way_only_delays(tmp_path: Path) -> None:
    """The pass ends, waits, and begins anew where it was."""
    world = World(tmp_path)
    now = time.localtime(world.clock.now() + 60)
    closes = f"{now.tm_hour:02}:{now.tm_min:02}"
    window = f"{(now.tm_hour - 1) % 24:02}:{now.tm_min:02}-{closes}"
    world.settings = world.settings.model_copy(update={"bandwidth_window": window})

    def late(event: Event) -> None:
        if isinstance(event, Progress) and event.label == "scan" and event.done:
            world.clock.time += 120
            world.on_event = discard

    world.on_event = late
    before = world.clock.now()
    world.run(verb=sync)
    assert world.clock.now() - before > 22 * HOUR
    world.assert_copied()


def test_a_failed_cutover_keeps_the_life_that_was_promised(tmp_path: Path) -> None:
    """An hour of copying is not lost because the image was refused."""
    world = World(tmp_path)
    world.run(verb=sync)
    promised = instance(world).release_at
    broken = CloudError("no", api_code="InvalidParameter", action="CreateImage")
    world.cloud.fail_next("create_image", broken)
    with pytest.raises(CloudError):
        world.run(verb=migrate)
    assert instance(world).release_at > promised


def test_ctrl_c_within_a_round_is_an_interruption(tmp_path: Path) -> None:
    """The same command continues; the instance waits for it."""
    world = World(tmp_path)
    world.on_event = lambda event: world.stop.set() if isinstance(event, Progress) else None
    with pytest.raises(Interrupted):
        world.run(verb=sync)
    world.on_event = discard
    world.stop.clear()
    world.run(verb=migrate)
    world.assert_ended_well()


def test_a_rehearsal_leaves_its_image_and_an_open_migration(tmp_path: Path) -> None:
    """Its image has a name of its own, and the next pass makes the target a plain copy again."""
    world = World(tmp_path)
    results = world.run(verb=rehearse)
    assert results.verify is not None
    assert results.verify.boot is not None
    assert results.verify.receipt_file.endswith("-rehearsal-1.json")
    assert images(world) == ["result-rehearsal-1"]
    assert instance(world).power.value == "ready"
    with open_journal(world.workspace.database, world.clock) as journal:
        assert not {"replicate", "adapt", "capture", "verify"} & set(journal.state.done)
    world.change("later")
    world.run(verb=sync)
    assert not world.adapted_files()
    world.assert_copied()
    world.run(verb=rehearse)
    assert images(world) == ["result-rehearsal-1", "result-rehearsal-2"]


def test_the_cutover_after_a_rehearsal_removes_its_image(tmp_path: Path) -> None:
    """One image, of the source as it is at the end; rehearsals cost nothing afterwards."""
    world = World(tmp_path)
    world.run(verb=rehearse)
    world.change("later")
    world.run(verb=migrate)
    world.assert_ended_well()
    assert images(world) == ["result"]


def test_images_of_rehearsals_stay_when_that_is_wished(tmp_path: Path) -> None:
    """``--keep-rehearsals``."""
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"keep_rehearsals": True})
    world.run(verb=rehearse)
    world.run(verb=migrate)
    assert images(world) == ["result", "result-rehearsal-1"]


def test_giving_up_releases_rehearsals_too(tmp_path: Path) -> None:
    """``data clear`` of a migration that is not finished."""
    world = World(tmp_path)
    world.run(verb=rehearse)
    world.run(verb=lambda ctx: (pipeline.give_up(ctx), Results())[1])
    assert world.cloud.alive() == []


def test_a_sync_after_a_failed_cutover_gives_up_what_it_made(tmp_path: Path) -> None:
    """Snapshots of a copy that passes overtake are no part of the image that comes later."""
    world = World(tmp_path)
    broken = CloudError("no", api_code="InvalidParameter", action="CreateImage")
    world.cloud.fail_next("create_image", broken)
    with pytest.raises(CloudError):
        world.run(verb=migrate)
    assert world.cloud.alive(ResourceKind.SNAPSHOT)
    world.change("later")
    world.run(verb=sync)
    assert world.cloud.alive(ResourceKind.SNAPSHOT) == []
    assert not world.adapted_files()
    world.run(verb=migrate)
    world.assert_ended_well()


def test_snapshots_of_an_instance_that_is_gone_are_made_anew(tmp_path: Path) -> None:
    """The image shows the copy that the receipt speaks of, not one of an earlier instance."""
    world = World(tmp_path)
    broken = CloudError("no", api_code="InvalidParameter", action="CreateImage")
    world.cloud.fail_next("create_image", broken)
    with pytest.raises(CloudError):
        world.run(verb=migrate)
    old = {r.id for r in world.cloud.alive(ResourceKind.SNAPSHOT)}
    world.cloud.lose(instance(world).resource.id)
    world.run(verb=migrate)
    world.assert_ended_well()
    assert old
    assert not old & {r.id for r in world.cloud.alive(ResourceKind.SNAPSHOT)}


def test_a_finished_migration_is_neither_synced_nor_rehearsed(tmp_path: Path) -> None:
    """The next one begins after ``data clear``."""
    world = World(tmp_path)
    world.run(verb=migrate)
    for verb in (sync, rehearse):
        with pytest.raises(StateError, match="finished"):
            world.run(verb=verb)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["after", "before"])
def test_a_crash_at_any_record_of_sync_rehearsal_and_cutover_changes_nothing(
    tmp_path: Path, where: str
) -> None:
    """The killed command is run again; at the end there is one image of the last state."""
    point = 0
    while True:
        point += 1
        world = World(tmp_path / str(point))
        killed = play(world, (sync, rehearse, migrate), **{where: point})
        world.assert_ended_well()
        if not killed:
            break
    assert point > 45
