# SPDX-License-Identifier: Apache-2.0
"""The last step but one: copies, shares, a target server; and the trial that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.cloudthings import refusal
from fakes.paperstories import PaperStage, a_server
from fakes.stories import World

from hostlift.errors import CloudError, ConfigError, Retry, StateError
from hostlift.flow import pipeline
from hostlift.flow.context import Context
from hostlift.flow.leftovers import estates
from hostlift.flow.results import Results, need
from hostlift.ports.cloud import Resource, ResourceKind
from hostlift.settings.user_config import DataDisk

pytestmark = pytest.mark.root

DATA = (DataDisk(data_disk_index=1, data_disk_size=20, src_path="/data"),)

OTHERS = {"accounts": [{"name": "main"}, {"name": "partner"}]}


def wish(stage: PaperStage | World, **wishes: object) -> None:
    stage.settings = stage.settings.model_copy(update=wishes)


def give_up(ctx: Context) -> Results:
    pipeline.give_up(ctx, delete_image=True)
    return pipeline.results_of(ctx.journal)


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[PaperStage]:
    stage = PaperStage(tmp_path, wishes=OTHERS)
    yield stage
    stage.close()


def theirs(stage: PaperStage | World, *, stopped: bool = True) -> str:
    """An instance of the user's, in a network of the user's."""
    return a_server(stage.the_cloud(), stage.clock, stopped=stopped)


def disks_of(stage: PaperStage | World, server: str) -> list[str]:
    return [disk.id for disk in stage.the_cloud().disks.of(server)]


def test_the_image_is_shared_and_copied_and_a_clearing_takes_the_copies_back(
    paper: PaperStage,
) -> None:
    """Copies in other regions have snapshots of their own; all of it is in the ledger."""
    partner = paper.paper.key("partner").id
    wish(paper, share_with=(partner,), copy_to=("cn-beijing", "eu-central-1"))
    delivered = need(paper.run().deliver)
    assert delivered.shared == (partner,)
    assert [region for region, _ in delivered.copies] == ["cn-beijing", "eu-central-1"]
    store = paper.paper.cloud.store
    copies = [i for i in store.images.all() if i.region != "cn-hangzhou" and i.tags]
    assert {i.id for i in copies} == {image for _, image in delivered.copies}
    paper.run(verb=give_up)
    assert paper.left() == {}


def test_a_target_gets_the_disks_and_keeps_its_own(paper: PaperStage) -> None:
    """The old system disk is gone, its data disk stays, ours hang beside it; it stands still."""
    server = theirs(paper)
    system, data = disks_of(paper, server)
    wish(paper, target_instance_id=server, data_disks=DATA)
    plan = need(paper.run().plan).plan
    assert plan.erases is not None
    assert (plan.erases.disk, plan.erases.kept) == (system, (data,))
    now = disks_of(paper, server)
    assert system not in now
    assert data in now
    assert len(now) == 1 + len(plan.disks) == 3
    seen = paper.cloud.instances.describe(server)
    assert seen is not None
    assert seen.stopped
    assert not [b for b in paper.cloud.belongings("hostlift-migration") if b.resource.id in now]


@pytest.mark.parametrize("stopped_at", range(1, 18, 2))
def test_a_kill_anywhere_in_the_exchange_ends_in_one_exchange(
    tmp_path: Path, stopped_at: int
) -> None:
    """Whatever was journaled when the process died: one new system disk, no disk twice."""
    stage = World(tmp_path)
    server = theirs(stage)
    system, data = disks_of(stage, server)
    wish(stage, target_instance_id=server, copy_to=("cn-beijing",), data_disks=DATA)
    stage.run_killed_in("deliver", stopped_at)
    now = disks_of(stage, server)
    assert (system in now, data in now, len(now)) == (False, True, 3)
    assert stage.cloud.count("replace_system") >= 1
    alive = [r for r in stage.cloud.alive() if r.kind is ResourceKind.DISK]
    assert alive == []


def test_a_running_target_is_refused_before_anything_is_made(paper: PaperStage) -> None:
    """And told how to stop it."""
    server = theirs(paper, stopped=False)
    before = paper.left()
    wish(paper, target_instance_id=server)
    with pytest.raises(ConfigError, match="not stopped") as told:
        paper.run()
    assert told.value.subject == "target_instance_id"
    assert paper.left() == before


def _free(stage: World, server: str) -> None:
    stage.cloud.stopped_for_free.add(server)


def _crowd(stage: World, server: str) -> None:
    owner = stage.cloud.disks.of(server)[1]
    for number in range(16):
        plate = replace(stage.cloud.plates[owner.id], id=f"d-theirs{number}")
        stage.cloud.plates[plate.id] = plate


def _behead(stage: World, server: str) -> None:
    stage.cloud.disks.detach(stage.cloud.disks.of(server)[0].id, server)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_free, "economical mode"), (_crowd, "17 data disks"), (_behead, "no system disk")],
)
def test_a_target_that_cannot_get_the_disks_is_refused_by_the_plan(
    tmp_path: Path, spoil: Callable[[World, str], None], words: str
) -> None:
    """With what to do; nothing was made, and nothing changed on it."""
    stage = World(tmp_path)
    server = theirs(stage)
    spoil(stage, server)
    wish(stage, target_instance_id=server)
    before = stage.cloud.alive()
    with pytest.raises(ConfigError, match=words) as told:
        stage.run()
    assert "Nothing was changed on it." in told.value.hint
    assert stage.cloud.alive() == before


def test_only_the_disk_that_was_agreed_to_is_erased(tmp_path: Path) -> None:
    """Someone replaced it meanwhile: nothing is erased, the image stays."""
    stage = World(tmp_path)
    server = theirs(stage)
    wish(stage, target_instance_id=server)

    def meddle(event: object) -> None:
        if getattr(event, "step", "") == "capture" and stage.cloud.count("replace_system") == 0:
            other = stage.cloud._made(ResourceKind.IMAGE, {}, "an image of theirs")
            stage.cloud.disks.replace_system(server, other, 40, token="theirs")

    stage.on_event = meddle
    with pytest.raises(StateError, match="nothing was erased"):
        stage.run()
    assert stage.cloud.count("replace_system") == 1
    assert any(r.kind is ResourceKind.IMAGE for r in stage.cloud.alive())


def test_a_kept_trial_stays_with_its_network_and_is_no_orphan(paper: PaperStage) -> None:
    """It has no release time any more; a clean-up by name takes it."""
    wish(paper, keep_trial=True)
    boot = need(paper.run().verify).boot
    assert boot is not None
    assert boot.kept
    left = paper.left()
    assert (left["instances"], left["vpcs"], left["vswitches"], left["groups"]) == (1, 1, 1, 1)
    (estate,) = estates(paper.cloud, now=paper.clock.now() + 30 * 86400)
    assert "kept on purpose" in estate.alive
    paper.clock.sleep(6 * 3600)
    assert paper.cloud.state(Resource(ResourceKind.INSTANCE, boot.instance_id)) is not None


def test_a_copy_that_fails_leaves_the_image_and_says_so(tmp_path: Path) -> None:
    """The next run tries again."""
    stage = World(tmp_path)
    wish(stage, copy_to=("cn-beijing",))
    stage.cloud.fail_next("copy_image", refusal("QuotaExceed.Image", "CopyImage", Retry.NEVER))
    with pytest.raises(CloudError, match="QuotaExceed"):
        stage.run()
    assert need(stage.run().deliver).copies
