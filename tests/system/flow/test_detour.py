# SPDX-License-Identifier: Apache-2.0
"""An account that may not make a system disk of a data disk's snapshot gets its image all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.paperstories import PaperStage
from fakes.stories import World, rehearse

from hostlift.errors import CloudError
from hostlift.flow import pipeline
from hostlift.flow.context import Context
from hostlift.flow.results import Results, need
from hostlift.localcloud.faults.kinds import Fault, FaultKind
from hostlift.settings.user_config import DataDisk

pytestmark = pytest.mark.root

CLOSED = {"accounts": [{"name": "main", "system_disk_from_data": False}]}
DATA = (DataDisk(data_disk_index=1, data_disk_size=20, src_path="/data"),)


def give_up(ctx: Context) -> Results:
    pipeline.give_up(ctx)
    return pipeline.results_of(ctx.journal)


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[PaperStage]:
    stage = PaperStage(tmp_path, wishes=CLOSED)
    yield stage
    stage.close()


def test_the_image_is_made_over_a_system_disk_and_nothing_else_is_left(paper: PaperStage) -> None:
    """Its system disk is of a disk that was a system disk; the carrier is gone."""
    paper.settings = paper.settings.model_copy(update={"data_disks": DATA})
    captured = need(paper.run().capture)
    assert paper.left() == {"images": 1, "snapshots": 2}
    kinds = {s.id: s.disk_type for s in paper.paper.cloud.store.snapshots.all()}
    assert [kinds[s] for s in captured.snapshots] == ["system", "data"]
    assert any("longer way" in note for note in paper.notes())


def test_a_rehearsal_and_the_real_end_both_take_it(paper: PaperStage) -> None:
    """The second time it is known from the start: no snapshot is made in vain."""
    paper.run(verb=rehearse)
    calls = len([c for c in paper.paper.cloud.faults.made if c.action == "CreateSnapshot"])
    paper.run()
    after = len([c for c in paper.paper.cloud.faults.made if c.action == "CreateSnapshot"])
    assert after - calls == 1
    assert paper.left() == {"images": 1, "snapshots": 1}


def test_giving_up_in_the_middle_leaves_nothing(paper: PaperStage) -> None:
    """Wherever the carrier's disk hangs at that moment."""
    for call in ("AttachDisk", "DetachDisk"):
        paper.paper.cloud.faults.clear()
        _refuse(paper, call)
        with pytest.raises(CloudError, match=call):
            paper.run()
        paper.paper.cloud.faults.clear()
    paper.run(verb=give_up)
    assert paper.left() == {}


def _refuse(paper: PaperStage, action: str) -> None:
    fault = Fault(kind=FaultKind.ERROR, action=action, code="OperationDenied", times=0)
    paper.paper.cloud.faults.add([fault])


@pytest.mark.parametrize("stopped_at", range(1, 22, 3))
def test_a_kill_anywhere_on_it_is_continued(tmp_path: Path, stopped_at: int) -> None:
    """One image, one snapshot a disk, no carrier."""
    stage = World(tmp_path)
    stage.cloud.whitelisted = False
    stage.run_killed_in("capture", stopped_at)
    stage.assert_ended_well()
