# SPDX-License-Identifier: Apache-2.0
"""Instances, their power, their console."""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.adopt import create_once, first, tagged
from hostlift.clouds.alibaba.disks import DISK_NAME, Disks
from hostlift.clouds.alibaba.placement import Placements
from hostlift.clouds.alibaba.requests.base import client_token, id_list, tag_list
from hostlift.clouds.alibaba.requests.instances import (
    DataDisk,
    DeleteInstance,
    DescribeInstances,
    GetInstanceConsoleOutput,
    ModifyInstanceAutoReleaseTime,
    RunInstances,
    StartInstance,
    StopInstance,
    SystemDisk,
)
from hostlift.errors import CloudError, ConfigError, ResourceGone
from hostlift.ports.cloud import Phase, Resource, ResourceKind, ResourceState
from hostlift.ports.instances import InstanceSpec, Placement, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostlift.clouds.alibaba.api import Api
    from hostlift.clouds.alibaba.records import InstanceRow

LARGEST_USER_DATA = 16 * 1024
SOONEST_RELEASE = 31 * 60
"""The cloud wants at least 30 minutes, and our clock may be a little behind its own."""

INSTANCE_PHASES = {
    "Pending": Phase.PENDING,
    "Starting": Phase.PENDING,
    "Running": Phase.READY,
    "Stopping": Phase.STOPPING,
    "Stopped": Phase.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Instances:
    """`hostlift.ports.instances.Instances` of a region."""

    api: Api

    def placements(self, *, zone: str = "", instance_type: str = "") -> Iterator[Placement]:
        """See the port."""
        return Placements(self.api).offers(zone=zone, instance_type=instance_type)

    def run(self, spec: InstanceSpec, token: str) -> str:
        """See `Instances.run`."""
        if len(spec.user_data) > LARGEST_USER_DATA:
            raise ConfigError(
                f"{len(spec.user_data)} bytes of user data, the cloud takes {LARGEST_USER_DATA}",
                subject=spec.name,
            )
        marked = tagged(spec.tags, token)
        request = self._request(spec, marked, token)
        return create_once(self.api, request, lambda mark: first(self.find(mark)), marked)

    def _request(self, spec: InstanceSpec, tags: dict[str, str], token: str) -> RunInstances:
        place = spec.placement
        return RunInstances(
            client_token=client_token(token, RunInstances.action),
            instance_name=spec.name,
            image_id=spec.image,
            instance_type=place.instance_type,
            security_group_id=spec.security_group,
            v_switch_id=spec.vswitch,
            system_disk=SystemDisk(category=place.system_disk, size=spec.system_gib),
            data_disk=tuple(
                DataDisk(size=size, category=place.data_disk, disk_name=f"{DISK_NAME}{n}")
                for n, size in enumerate(spec.data_disks, 1)
            ),
            user_data=base64.b64encode(spec.user_data).decode("ascii"),
            auto_release_time=self._release_time(spec.release_at) if spec.release_at else "",
            internet_max_bandwidth_out=spec.bandwidth_mbps,
            tag=tag_list(tags),
        )

    def start(self, name: str) -> None:
        """See `Instances.start`."""
        try:
            self.api.call(StartInstance(instance_id=name))
        except CloudError:
            # Running or on the way there is refused as a wrong state.
            if self._status(name) not in {"Running", "Starting"}:
                raise

    def stop(self, name: str, *, force: bool) -> None:
        """See `Instances.stop`."""
        try:
            self.api.call(StopInstance(instance_id=name, force_stop=force))
        except CloudError:
            stopped = {"Stopped"} if force else {"Stopped", "Stopping"}
            if self._status(name) not in stopped:
                raise

    def renew(self, name: str, release_at: float) -> None:
        """See `Instances.renew`."""
        when = self._release_time(release_at) if release_at else ""
        self.api.call(ModifyInstanceAutoReleaseTime(instance_id=name, auto_release_time=when))

    def console(self, name: str) -> str:
        """See `Instances.console`."""
        coded = self.api.call(GetInstanceConsoleOutput(instance_id=name))
        try:
            return base64.b64decode(coded).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return coded

    def describe(self, name: str) -> Server | None:
        """See the port."""
        row = self._row(name)
        if row is None:
            return None
        return Server(
            id=row.id,
            name=row.name,
            status=row.status,
            stopped=row.status == "Stopped",
            zone=row.zone,
            image=row.image,
            kept_charging=row.stopped_mode != "StopCharging",
        )

    def find(self, tags: dict[str, str]) -> list[str]:
        """Ids of all that carry ``tags``."""
        return [item.id for item in self.api.pages(DescribeInstances(tag=tag_list(tags)))]

    def state(self, name: str) -> ResourceState | None:
        """What is known of one."""
        row = self._row(name)
        if row is None:
            return None
        locks = ", ".join(filter(None, row.locks))
        return ResourceState(
            resource=Resource(ResourceKind.INSTANCE, name),
            phase=INSTANCE_PHASES.get(row.status, Phase.PENDING),
            detail=f"{row.status}, locked: {locks}" if locks else row.status,
            public_ip=row.public_ip,
            private_ip=row.private_ip,
            disks=Disks(self.api).data_disks(name),
        )

    def delete(self, name: str) -> None:
        """Release one, running or not."""
        self.api.call(DeleteInstance(instance_id=name))

    def _row(self, name: str) -> InstanceRow | None:
        try:
            rows = self.api.pages(DescribeInstances(instance_ids=id_list(name)))
            return next((row for row in rows if row.id == name), None)
        except ResourceGone:
            return None

    def _status(self, name: str) -> str:
        row = self._row(name)
        return row.status if row else ""

    def _release_time(self, at: float) -> str:
        """UTC with whole minutes, rounded up, never sooner than the cloud allows."""
        seconds = max(at, self.api.clock.now() + SOONEST_RELEASE)
        minute = datetime.fromtimestamp(math.ceil(seconds / 60) * 60, tz=UTC)
        return minute.strftime("%Y-%m-%dT%H:%M:00Z")
