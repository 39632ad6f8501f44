# SPDX-License-Identifier: Apache-2.0
"""How records become parameters, and answers records."""

from __future__ import annotations

import pytest

from hostlift.clouds.alibaba.fields import number
from hostlift.clouds.alibaba.records import InstanceRow, Malformed, Offer
from hostlift.clouds.alibaba.requests.base import Tag, id_list, parameters, tag_list
from hostlift.clouds.alibaba.requests.images import DescribeImages
from hostlift.clouds.alibaba.requests.instances import (
    DataDisk,
    RunInstances,
    StopInstance,
    SystemDisk,
)


def test_names_numbers_and_lists_are_spelt_as_the_api_spells_them() -> None:
    """PascalCase, 1-based lists, lower-case booleans, nothing that is empty."""
    request = RunInstances(
        client_token="t",
        instance_name="n",
        image_id="m",
        instance_type="ecs.t5",
        security_group_id="sg",
        v_switch_id="vsw",
        system_disk=SystemDisk(category="cloud_essd", size=20),
        data_disk=(DataDisk(size=40, category="cloud_ssd", disk_name="hostlift-1"),),
        tag=(Tag(key="a", value="b"),),
    )
    sent = parameters(request, "cn-beijing")
    assert sent["VSwitchId"] == "vsw"
    assert sent["SystemDisk.Size"] == "20"
    assert sent["DataDisk.1.DeleteWithInstance"] == "true"
    assert sent["Tag.1.Key"] == "a"
    assert sent["InternetMaxBandwidthOut"] == "0"
    assert sent["RegionId"] == "cn-beijing"
    assert "UserData" not in sent
    assert "AutoReleaseTime" not in sent


def test_a_request_without_region_gets_none() -> None:
    """StopInstance does not know RegionId."""
    assert "RegionId" not in parameters(StopInstance(instance_id="i", force_stop=False), "r")


def test_odd_names_are_right() -> None:
    """OSType has two capitals in a row."""
    assert parameters(DescribeImages(o_s_type="linux"), "r")["OSType"] == "linux"


def test_several_ids_are_a_json_list_in_a_text() -> None:
    """As the API wants them."""
    assert id_list("i-1", "i-2") == '["i-1", "i-2"]'


def test_tags_have_a_stable_order() -> None:
    """A repeated call is the same call."""
    assert tag_list({"b": "2", "a": "1"}) == tag_list({"a": "1", "b": "2"})


@pytest.mark.parametrize(
    ("value", "expected"), [("32%", 32), ("100%", 100), (7, 7), ("", 0), ("-", 0), ("1.5", 1)]
)
def test_progress_is_a_number(value: object, expected: int) -> None:
    """Percent signs and all."""
    assert number({"Progress": value}, "Progress") == expected


def test_an_elastic_address_counts_as_public() -> None:
    """When there is no fixed one."""
    row = {"InstanceId": "i", "PublicIpAddress": {"IpAddress": []},
           "EipAddress": {"IpAddress": "203.0.113.4"}}  # fmt: skip
    assert InstanceRow.from_json(row).public_ip == "203.0.113.4"


def test_a_row_without_id_is_malformed() -> None:
    """Nothing can be done with it."""
    with pytest.raises(Malformed):
        InstanceRow.from_json({"Status": "Running"})


def test_what_is_sold_out_is_not_offered() -> None:
    """Zones and values, by status and by category."""

    def zone(name: str, **status: str) -> dict[str, object]:
        values = [
            {"Value": "a", "Status": "Available", "StatusCategory": "WithStock"},
            {"Value": "b", "Status": "SoldOut", "StatusCategory": "WithoutStock"},
            {"Value": "c", "Status": "Available", "StatusCategory": "ClosedWithoutStock"},
        ]
        kind = {"Type": "InstanceType", "SupportedResources": {"SupportedResource": values}}
        return {"ZoneId": name, **status, "AvailableResources": {"AvailableResource": [kind]}}

    zones = [zone("z-a", Status="Available"), zone("z-b", Status="SoldOut")]
    offers = Offer.all_from({"AvailableZones": {"AvailableZone": zones}})
    assert offers == (Offer(zone="z-a", values=("a",)),)
