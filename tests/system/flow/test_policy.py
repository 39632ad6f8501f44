# SPDX-License-Identifier: Apache-2.0
"""`hostlift policy` is enough for a whole migration, and every part of it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.calls import Calls, mandatory
from fakes.embedded import driven
from fakes.paperstories import PaperStage, a_server
from fakes.stories import rehearse

from hostlift.clouds.alibaba.actions import Action, needed, policy
from hostlift.errors import CloudError
from hostlift.flow.before.needs import features
from hostlift.localcloud.actions.registry import ACTIONS
from hostlift.ports.cloud import Resource, ResourceKind
from hostlift.ports.market import Feature
from hostlift.ports.networks import Rule
from hostlift.settings.user_config import DataDisk, Settings

pytestmark = pytest.mark.root

PLAIN = Settings(region_id="cn-hangzhou", image_name="result")
WISHES = features(PLAIN)
SPARE = frozenset(
    {"RevokeSecurityGroup", "DeleteDisk", "ResizeDisk", "ModifyInstanceAutoReleaseTime"}
)
"""Asked for only when somebody interfered; a renewal that is refused is told and ends nothing."""
USUAL = [
    a for a in needed(WISHES) if a.feature is not Feature.FORESIGHT and a.api_name not in SPARE
]


def _stage(folder: Path, without: str = "", wishes: frozenset[Feature] = WISHES) -> PaperStage:
    statements: Any = policy(wishes)["Statement"]
    allowed = [{**s, "Action": [a for a in s["Action"] if a != without]} for s in statements]
    document = {"Version": "1", "Statement": allowed}
    user = {"name": "mover", "policies": [document]}
    # Not every account may make a system disk of a data disk's snapshot: the policy is enough then.
    accounts = [
        {"name": "main", "users": [user], "system_disk_from_data": False},
        {"name": "partner"},
    ]
    return PaperStage(folder, wishes={"accounts": accounts}, owner="main/mover")


def _tell(stage: PaperStage) -> None:
    """A rehearsal, whose image goes when the migration is finished after it."""
    stage.run(verb=rehearse)
    stage.run()


def test_a_migration_passes_with_exactly_the_policy_and_calls_nothing_else(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    try:
        _tell(stage)
        assert stage.left() == {"images": 1, "snapshots": 1}
        called = {call.action for call in stage.paper.cloud.faults.made}
    finally:
        stage.close()
    assert called <= {a.api_name for a in needed(WISHES)} | {"GetCallerIdentity"}
    assert {a.api_name for a in USUAL} <= called


@pytest.mark.parametrize("action", USUAL, ids=lambda a: a.api_name)
def test_without_one_action_the_migration_ends_naming_it(tmp_path: Path, action: Action) -> None:
    stage = _stage(tmp_path, without=action.permission)
    try:
        with pytest.raises(CloudError) as told:
            _tell(stage)
        assert told.value.api_code == "Forbidden.RAM"
        assert f"Missing permission: {action.permission}." in told.value.hint
    finally:
        stage.close()


DELIVERY = {Feature.SHARE, Feature.COPY, Feature.TARGET}
DELIVERING = [a for a in Action if a.feature in DELIVERY and a is not Action.CANCEL_COPY_IMAGE]
"""A copy under way is cancelled only when the migration is given up in the middle of it."""


def _deliver(stage: PaperStage) -> None:
    server = a_server(driven(stage.paper), stage.clock)
    update = {
        "target_instance_id": server,
        "data_disks": (DataDisk(data_disk_index=1, data_disk_size=20, src_path="/data"),),
        "copy_to": ("cn-beijing",),
        "share_with": (stage.paper.key("partner").id,),
    }
    stage.settings = stage.settings.model_copy(update=update)
    stage.run()


@pytest.mark.parametrize("action", [None, *DELIVERING], ids=lambda a: a.api_name if a else "all")
def test_a_delivery_needs_each_of_its_actions(tmp_path: Path, action: Action | None) -> None:
    """Shared, copied and put on a server with exactly the policy of these wishes."""
    stage = _stage(tmp_path, action.permission if action else "", WISHES | DELIVERY)
    try:
        if action is None:
            _deliver(stage)
            return
        with pytest.raises(CloudError) as told:
            _deliver(stage)
        assert f"Missing permission: {action.permission}." in told.value.hint
    finally:
        stage.close()


def test_without_the_right_to_renew_it_is_told_that_the_instance_will_not_last(
    tmp_path: Path,
) -> None:
    """The migration itself passes; the pre-flight would have found it."""
    renewal = Action.MODIFY_INSTANCE_AUTO_RELEASE_TIME
    stage = _stage(tmp_path, without=renewal.permission)
    try:
        stage.run(verb=rehearse)
        told = [note for note in stage.notes() if "could not be made longer" in note]
    finally:
        stage.close()
    assert len(told) == 1
    assert "Forbidden.RAM" in told[0]


@pytest.mark.parametrize("name", ["RevokeSecurityGroup", "DeleteDisk"])
def test_what_is_called_when_somebody_interfered_is_refused_by_name_without_it(
    tmp_path: Path, name: str
) -> None:
    """A rule that somebody added is taken away; a disk that lost its instance is deleted."""
    (action,) = [a for a in Action if a.api_name == name]
    for stage in (_stage(tmp_path / "with"), _stage(tmp_path / "without", action.permission)):
        vpc = stage.cloud.networks.create_vpc(cidr="172.31.0.0/16", tags={}, token="v")
        stage.clock.sleep(5)

        def interfered(stage: PaperStage = stage, vpc: str = vpc) -> None:
            for source in ("192.0.2.1/32", "192.0.2.2/32"):
                rules = (Rule(port=8080, source=source),)
                stage.cloud.networks.create_security_group(vpc=vpc, rules=rules, tags={}, token="g")
            stage.cloud.delete(Resource(ResourceKind.DISK, "d-gone"))

        try:
            if stage.folder.name == "with":
                interfered()
                continue
            with pytest.raises(CloudError) as told:
                interfered()
            assert f"Missing permission: {action.permission}." in told.value.hint
        finally:
            stage.close()


def test_the_policy_allows_nothing_beyond_it(tmp_path: Path) -> None:
    """Every other action that the embedded cloud knows is refused to its user."""
    stage = _stage(tmp_path)
    calls = Calls(stage.paper, "main/mover")
    allowed = {(a.service.version, a.api_name) for a in needed(WISHES)}
    others = {
        key: found
        for key, found in ACTIONS.items()
        if not found.free and (key[0].value, key[1]) not in allowed
    }
    tagging = {"TagResources"}  # tags given with a create call are judged as this
    try:
        codes = {
            name: calls.refused(product, name, **mandatory(found.request)).code
            for (product, name), found in others.items()
            if name not in tagging
        }
    finally:
        stage.close()
    assert len(codes) > 30
    assert set(codes.values()) == {"Forbidden.RAM"}
