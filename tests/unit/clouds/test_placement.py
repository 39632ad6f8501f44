# SPDX-License-Identifier: Apache-2.0
"""The choice of zone, type, disks and image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.alibaba import ScriptedTransport, a_driver

from hostlift.clouds.alibaba.transport import Answer, Refused
from hostlift.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hostlift.clouds.alibaba.actions import Action

IMAGES = [
    {"ImageId": "debian_11_9_x64.vhd", "CreationTime": "2025-09-01T00:00:00Z"},
    {"ImageId": "debian_12_4_x64.vhd", "CreationTime": "2024-01-01T00:00:00Z"},
    {"ImageId": "debian_12_9_x64.vhd", "CreationTime": "2025-02-01T00:00:00Z"},
    {"ImageId": "ubuntu_24_04_x64.vhd", "CreationTime": "2025-05-01T00:00:00Z"},
]


class Market(ScriptedTransport):
    """A region's stock: sizes and types by zone, disk categories by zone."""

    def __init__(
        self,
        sizes: Mapping[tuple[str, str], Mapping[str, list[str]]],
        disks: Mapping[str, list[str]],
        images: list[dict[str, str]] | None = None,
    ) -> None:
        images = IMAGES if images is None else images
        rows: list[object] = [{"Status": "Available", **i} for i in images]
        super().__init__({"DescribeImages": {"Images": {"Image": rows}, "TotalCount": len(rows)}})
        self.sizes = sizes
        self.disks = disks
        self.arm: set[str] = set()

    def call(self, action: Action, params: Mapping[str, str]) -> Answer:
        answer = super().call(action, params)
        if action.api_name == "DescribeInstanceTypes":
            names = [v for k, v in params.items() if k.startswith("InstanceTypes.")]
            return Answer({"InstanceTypes": {"InstanceType": [self.describe(n) for n in names]}})
        if action.api_name == "DescribeAvailableResource":
            return Answer(self.offer(params))
        return answer

    def describe(self, name: str) -> dict[str, object]:
        return {
            "InstanceTypeId": name,
            "CpuCoreCount": 1,
            "MemorySize": 0.5 if name.endswith("nano") else 2.0,
            "CpuArchitecture": "ARM" if name in self.arm else "X86",
        }

    def offer(self, params: Mapping[str, str]) -> dict[str, object]:
        if params["DestinationResource"] == "InstanceType":
            size = (params.get("Cores", ""), params.get("Memory", ""))
            stock = self.sizes.get(size, {})
        else:
            stock = self.disks
        zones = [
            {
                "ZoneId": zone,
                "Status": "Available",
                "StatusCategory": "WithStock",
                "AvailableResources": {
                    "AvailableResource": [
                        {
                            "Type": params["DestinationResource"],
                            "SupportedResources": {
                                "SupportedResource": [
                                    {
                                        "Value": v,
                                        "Status": "Available",
                                        "StatusCategory": "WithStock",
                                    }
                                    for v in values
                                ]
                            },
                        }
                    ]
                },
            }
            for zone, values in stock.items()
            if params.get("ZoneId", zone) == zone
        ]
        return {"AvailableZones": {"AvailableZone": zones}}


def test_the_smallest_size_in_stock_is_taken() -> None:
    """1 core with 2 GiB is sold out, so 1 core with 4 GiB; best disks; newest Debian 12."""
    market = Market({("1", "4"): {"z-b": ["ecs.n4.a"]}}, {"z-b": ["cloud_ssd", "cloud_essd"]})
    place = next(a_driver(market)[0].instances.placements())
    assert (place.zone, place.instance_type) == ("z-b", "ecs.n4.a")
    assert (place.system_disk, place.data_disk) == ("cloud_essd", "cloud_essd")
    assert place.image == "debian_12_9_x64.vhd"


def test_a_type_of_another_architecture_or_without_memory_is_passed_over() -> None:
    """The base image is x86 and needs a gigabyte."""
    market = Market(
        {("1", "2"): {"z-a": ["ecs.t1.nano", "ecs.g6r.a", "ecs.zz9.longname"]}},
        {"z-a": ["cloud_efficiency"]},
    )
    market.arm = {"ecs.g6r.a"}
    assert next(a_driver(market)[0].instances.placements()).instance_type == "ecs.zz9.longname"


def test_a_zone_without_disks_is_passed_over() -> None:
    """An instance type alone is not enough."""
    market = Market(
        {("1", "2"): {"z-a": ["ecs.t5.x"], "z-b": ["ecs.t5.x"]}}, {"z-b": ["cloud_essd"]}
    )
    assert next(a_driver(market)[0].instances.placements()).zone == "z-b"


def test_type_and_cores_are_never_asked_for_together() -> None:
    """The API refuses the combination."""
    market = Market({("", ""): {"z-a": ["ecs.c7.large"]}}, {"z-a": ["cloud_essd"]})
    place = next(a_driver(market)[0].instances.placements(instance_type="ecs.c7.large"))
    assert place.instance_type == "ecs.c7.large"
    for params in market.params("DescribeAvailableResource"):
        assert not ("InstanceType" in params and "Cores" in params)


def test_without_debian_ubuntu_is_taken() -> None:
    """The image needs Python 3.11 or later."""
    market = Market({("1", "2"): {"z-a": ["ecs.t5.x"]}}, {"z-a": ["cloud_essd"]}, IMAGES[3:])
    assert next(a_driver(market)[0].instances.placements()).image == "ubuntu_24_04_x64.vhd"


def test_an_image_that_every_type_can_start_is_preferred() -> None:
    """A UEFI edition is newer by name, but not for every instance type."""
    uefi = {"ImageId": "debian_12_9_x64_uefi.vhd", "BootMode": "UEFI",
            "CreationTime": "2025-08-01T00:00:00Z"}  # fmt: skip
    market = Market({("1", "2"): {"z-a": ["ecs.t5.x"]}}, {"z-a": ["cloud_essd"]}, [*IMAGES, uefi])
    assert next(a_driver(market)[0].instances.placements()).image == "debian_12_9_x64.vhd"


def test_nothing_in_stock_is_one_clear_error() -> None:
    """With the zone that was asked for."""
    with pytest.raises(CloudError) as caught:
        next(a_driver(Market({}, {}))[0].instances.placements(zone="z-a"))
    assert caught.value.api_code == "OperationDenied.NoStock"
    assert "z-a" in str(caught.value)
    assert caught.value.hint


def test_a_size_that_was_never_sold_is_not_an_error() -> None:
    """Some regions refuse the question instead of answering with nothing."""

    class Refusing(Market):
        def offer(self, params: Mapping[str, str]) -> dict[str, object]:
            if params.get("Cores") == "1":
                raise Refused("InvalidResourceType.NotSupported", "never sold")
            return super().offer(params)

    market = Refusing({("2", "2"): {"z-a": ["ecs.t5.x"]}}, {"z-a": ["cloud_essd"]})
    assert next(a_driver(market)[0].instances.placements()).instance_type == "ecs.t5.x"
