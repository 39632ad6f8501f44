# SPDX-License-Identifier: Apache-2.0
"""net_mode 1: machine A provisions, the source copies, machine A captures; the folder is carried."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.stories import STORY, World

from hostlift.errors import ConfigError, HostliftError, StateError
from hostlift.flow import pipeline
from hostlift.flow.carried import stages
from hostlift.flow.carried.offline import RememberedCloud
from hostlift.flow.context import Context
from hostlift.flow.journal import COPYING, Record, open_journal
from hostlift.flow.ledger import Ledger
from hostlift.flow.results import HandOver, Results, need
from hostlift.flow.waiting import Waiter
from hostlift.ports.cloud import Cloud, ResourceKind
from hostlift.settings.folder import Workspace

pytestmark = pytest.mark.root


class Courier:
    """Two machines, and the folder that is carried between them."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        cloud = self.world.cloud
        self.vpc = cloud.networks.create_vpc(cidr="10.0.0.0/8", tags={}, token="theirs")
        self.world.clock.sleep(10)
        vswitch = cloud.networks.create_vswitch(
            vpc=self.vpc, zone="cn-hangzhou-h", cidr="10.0.1.0/24", tags={}, token="theirs too"
        )
        self.world.clock.sleep(10)
        self.settings = self.world.settings.model_copy(
            update={
                "net_mode": 1,
                "vpc_id": self.vpc,
                "vswitch_id": vswitch,
                "system_disk_size": 40,
            }
        )
        self.roots = {"a": folder / "a", "source": self.world.source}
        for name, root in self.roots.items():
            (root / "etc").mkdir(parents=True, exist_ok=True)
            (root / "etc/machine-id").write_text(f"{name}\n")
        self.place = "a"
        self.workspace = Workspace(folder / "carried-a")
        self.workspace.ensure()

    def carry(self, to: str) -> None:
        """The whole folder, to another machine; the old one is gone."""
        new = self.workspace.folder.with_name(f"carried-{to}-{len(str(self.workspace.folder))}")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(self.workspace.folder, new)
        shutil.rmtree(self.workspace.folder)
        self.workspace, self.place = Workspace(new), to

    def run(self) -> Results | HandOver:
        """The same command, wherever we are."""
        world = self.world
        with open_journal(self.workspace.database, world.clock) as journal:
            if not journal.state.migration:
                journal.append(Record.MIGRATION, id=world.migration)
            cloud: Cloud = world.cloud
            if journal.state.stage == COPYING:
                cloud = RememberedCloud(journal.state, world.cloud.market.rates)
            waiter = Waiter(world.clock, world._told, world.stop)
            ctx = Context(
                settings=self.settings,
                workspace=self.workspace,
                source_root=self.roots[self.place],
                cloud=cloud,
                commands=ScriptedCommands(),
                clock=world.clock,
                sink=world._told,
                waiter=waiter,
                journal=journal,
                ledger=Ledger(journal, cloud, waiter),
                agents=world.agents,
                confirm=lambda _plan: True,
            )
            return stages.tell(ctx, STORY)


@pytest.fixture
def courier(tmp_path: Path) -> Courier:
    return Courier(tmp_path)


def test_three_stages_make_the_image_and_the_source_makes_no_call(courier: Courier) -> None:
    """Provisioned and captured on machine A; copied, adapted and described on the source."""
    first = courier.run()
    assert isinstance(first, HandOver)
    assert (first.stage, first.lives_until > courier.world.clock.now() + 71 * 3600) == (1, True)
    (instance,) = courier.world.cloud.alive(ResourceKind.INSTANCE)
    assert courier.world.cloud.things[instance.id].public_ip == ""

    courier.carry("source")
    calls = len(courier.world.cloud.calls)
    second = courier.run()
    assert isinstance(second, HandOver)
    assert second.stage == 2
    made = {name for name, _ in courier.world.cloud.calls[calls:]}
    assert made == set()

    courier.carry("a")
    results = courier.run()
    assert isinstance(results, Results)
    assert need(results.verify).boot is not None
    kinds = sorted(r.kind.value for r in courier.world.cloud.alive())
    assert kinds == ["image", "snapshot", "vpc", "vswitch"]
    assert courier.world.adapted_files()
    assert list(courier.workspace.receipts.glob("*.baseline.json"))
    assert "Stage 3 Is Done!" in courier.world.notes()


def test_a_stage_on_the_wrong_machine_is_refused_and_says_where_to_go(courier: Courier) -> None:
    """Stage 2 on machine A would copy machine A."""
    courier.run()
    with pytest.raises(ConfigError, match="stage 2 copies the machine it runs on") as told:
        courier.run()
    assert "Carry the whole folder to the source" in told.value.hint
    courier.carry("source")
    courier.run()
    with pytest.raises(ConfigError, match="no way to the API"):
        courier.run()


def test_sizes_that_changed_on_the_way_are_refused(courier: Courier) -> None:
    """The disks were made in stage 1."""
    courier.run()
    courier.carry("source")
    courier.settings = courier.settings.model_copy(update={"system_disk_size": 60})
    with pytest.raises(ConfigError, match="disk sizes cannot change"):
        courier.run()


def test_a_stage_that_failed_goes_on_where_it_was(courier: Courier) -> None:
    """A source that cannot be read to its end, then can."""
    courier.run()
    courier.carry("source")
    courier.world.stop.set()
    with pytest.raises(HostliftError):
        courier.run()
    courier.world.stop.clear()
    second = courier.run()
    assert isinstance(second, HandOver)
    courier.carry("a")
    assert isinstance(courier.run(), Results)


def test_passes_and_rehearsals_are_not_carried(courier: Courier, tmp_path: Path) -> None:
    """They would need the source and the API in turn."""
    world = World(tmp_path / "other")
    world.settings = courier.settings
    for verb in (pipeline.sync, pipeline.rehearse):
        with pytest.raises(StateError, match="net_mode 1"):
            world.run(verb=lambda ctx, verb=verb: verb(ctx, story=STORY))
