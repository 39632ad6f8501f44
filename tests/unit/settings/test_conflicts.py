# SPDX-License-Identifier: Apache-2.0
"""Keys that are right by themselves and do not go together."""

from __future__ import annotations

import pytest

from hostlift.settings.conflicts import conflicts
from hostlift.settings.user_config import DataDisk, Settings

CARRIED = {
    "net_mode": 1,
    "vpc_id": "vpc-1",
    "vswitch_id": "vsw-1",
    "system_disk_size": 40,
}


@pytest.mark.parametrize(
    ("wishes", "key"),
    [
        ({"share_with": ("12a",)}, "share_with[0]"),
        ({"share_with": ("1234567890123456", "1234567890123456")}, "share_with[1]"),
        ({"copy_to": ("x",)}, "copy_to[0]"),
        ({"copy_to": ("eu-central-1", "cn-hangzhou")}, "copy_to"),
        ({"keep_trial": True, "trial": False}, "keep_trial"),
        ({**CARRIED, "system_disk_size": -1}, "system_disk_size"),
        (
            {**CARRIED, "data_disks": (DataDisk(data_disk_index=1, src_path="/data"),)},
            "data_disks[0].data_disk_size",
        ),
        ({**CARRIED, "target_instance_id": "i-abc"}, "target_instance_id"),
        ({**CARRIED, "vswitch_id": ""}, "vswitch_id"),
    ],
)
def test_what_does_not_go_together_is_told_by_its_key(wishes: dict[str, object], key: str) -> None:
    """Only that key, and why."""
    settings = Settings.model_validate({"region_id": "cn-hangzhou", "image_name": "a1", **wishes})
    found = conflicts(settings)
    assert [problem.key for problem in found] == [key]
    assert found[0].text


def test_a_whole_carried_migration_is_fine() -> None:
    """Every size is given, and the network."""
    assert conflicts(Settings.model_validate({"region_id": "cn-hangzhou", **CARRIED})) == []
