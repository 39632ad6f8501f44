# SPDX-License-Identifier: Apache-2.0
"""What an original's client_data wishes about the network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hostlift.settings.original import inherited

FLAT = {
    "net_mode": 2,
    "vpc": {"vpc_id": "vpc-1", "vpc_name": "x"},
    "vswitch": {"vswitch_id": "vsw-1"},
    "zone_id": "cn-hangzhou-b",
    "securegroupid": "sg-1",
}
NESTED = {
    "status": "",
    "transition": {
        "vpc": {"vpc_id": "vpc-1"},
        "vswitch": {"vswitch_id": "vsw-1"},
        "security_group": {"security_group_id": "sg-1"},
    },
    "extra": {"net": {"net_mode": 2, "proxy": {"ip_port": "", "user_pwd": ""}}},
}
NETWORK = {
    "net_mode": 2,
    "vpc_id": "vpc-1",
    "vswitch_id": "vsw-1",
    "security_group_id": "sg-1",
}


def _folder(path: Path, data: object, **wishes: object) -> Path:
    (path / "client_data").write_text(json.dumps(data))
    (path / "user_config.json").write_text(json.dumps(wishes))
    return path


@pytest.mark.parametrize("layout", [FLAT, NESTED])
def test_both_layouts_are_taken_over_with_a_note(tmp_path: Path, layout: object) -> None:
    """Each value is named, once."""
    found = inherited(_folder(tmp_path, layout), {})
    assert found.values == NETWORK
    assert [n.split(" is ")[0] for n in found.notes] == [f"{k} {v}" for k, v in NETWORK.items()]


def test_a_login_of_the_proxy_is_taken_over_and_never_told(tmp_path: Path) -> None:
    """Characters that mean something in a URL are escaped; the note has the host alone."""
    net = {"proxy": {"ip_port": "192.0.2.9:3128", "user_pwd": "me:a@b:c/"}}
    found = inherited(_folder(tmp_path, {"extra": {"net": net}}), {})
    assert found.values == {"proxy": "http://me:a%40b%3Ac%2F@192.0.2.9:3128"}
    assert "192.0.2.9:3128" in found.notes[0]
    assert "me" not in found.notes[0].split("3128")[0].split()
    assert "a%40b" not in "".join(found.notes)


@pytest.mark.parametrize("where", ["file", "option"])
def test_what_the_user_says_wins(tmp_path: Path, where: str) -> None:
    """Even when it says what would hold anyway."""
    said = {"net_mode": 0, "proxy": ""}
    data = {"extra": {"net": {"net_mode": 2, "proxy": {"ip_port": "192.0.2.9:3128"}}}}
    folder = _folder(tmp_path, data, **(said if where == "file" else {}))
    found = inherited(folder, said if where == "option" else {"net_mode": None, "proxy": None})
    assert found.values == {}
    assert found.notes == ()


def test_a_network_of_the_users_is_not_mixed_with_another(tmp_path: Path) -> None:
    """A vSwitch belongs to its VPC."""
    found = inherited(_folder(tmp_path, NESTED, vpc_id="vpc-9", vswitch_id="vsw-9"), {})
    assert found.values == {"net_mode": 2}


def test_ids_of_a_public_migration_are_not_taken_over(tmp_path: Path) -> None:
    """The original made them and has deleted them since."""
    assert inherited(_folder(tmp_path, {**FLAT, "net_mode": 0}), {}).values == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"extra": 7, "net_mode": true}', "[" * 100_000])
def test_a_file_that_makes_no_sense_wishes_nothing(tmp_path: Path, text: str) -> None:
    """It was never an obstacle, so it is none now."""
    (tmp_path / "client_data").write_text(text)
    assert inherited(tmp_path, {}).values == {}


def test_our_own_file_wishes_nothing(tmp_path: Path) -> None:
    """It tells what is, not what was wished."""
    assert inherited(_folder(tmp_path, {**NESTED, "migration": "m-1"}), {}).values == {}
