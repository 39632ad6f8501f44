# SPDX-License-Identifier: Apache-2.0
"""Instances."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.clouds.alibaba.actions import Action
from hostlift.clouds.alibaba.fields import Json, text, texts
from hostlift.clouds.alibaba.records import InstanceRow, Malformed, Page
from hostlift.clouds.alibaba.requests.base import Command, Paged, Request, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemDisk:
    """The system disk of an instance to start."""

    category: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDisk:
    """A blank data disk of an instance to start; the name keeps the order of the request."""

    size: int
    category: str
    disk_name: str
    delete_with_instance: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInstances(Request[str]):
    """A new instance, starting at once."""

    action = Action.RUN_INSTANCES
    client_token: str
    instance_name: str
    image_id: str
    instance_type: str
    security_group_id: str
    v_switch_id: str
    system_disk: SystemDisk
    data_disk: tuple[DataDisk, ...] = ()
    user_data: str = ""
    auto_release_time: str = ""
    internet_max_bandwidth_out: int = 0
    internet_charge_type: str = "PayByTraffic"
    instance_charge_type: str = "PostPaid"
    amount: int = 1
    dry_run: bool | None = None
    description: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        ids = texts(body, "InstanceIdSets", "InstanceIdSet")
        if len(ids) != 1:
            raise Malformed(f"one instance was asked for, {len(ids)} were made")
        return ids[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeInstances(Paged[InstanceRow]):
    """Instances; ``instance_ids`` is made by `base.id_list`."""

    action = Action.DESCRIBE_INSTANCES
    instance_ids: str = ""
    tag: tuple[Tag, ...] = ()
    region_id: str = ""

    def answer(self, body: Json) -> Page[InstanceRow]:
        """See `Request`."""
        return Page.read(body, "Instances", "Instance", InstanceRow.from_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartInstance(Command):
    """Power on."""

    action = Action.START_INSTANCE
    instance_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopInstance(Command):
    """Power off; only KeepCharging keeps address and disks whatever the account's setting."""

    action = Action.STOP_INSTANCE
    instance_id: str
    force_stop: bool
    stopped_mode: str = "KeepCharging"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteInstance(Command):
    """Release; ``force`` also a running one."""

    action = Action.DELETE_INSTANCE
    instance_id: str
    force: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyInstanceAutoReleaseTime(Command):
    """Set the time at which the cloud releases the instance by itself; without one it does not."""

    action = Action.MODIFY_INSTANCE_AUTO_RELEASE_TIME
    instance_id: str
    auto_release_time: str = ""
    region_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInstanceConsoleOutput(Request[str]):
    """The serial console's text, Base64."""

    action = Action.GET_INSTANCE_CONSOLE_OUTPUT
    instance_id: str
    region_id: str = ""

    def answer(self, body: Json) -> str:
        """See `Request`."""
        return text(body, "ConsoleOutput")
