# SPDX-License-Identifier: Apache-2.0
"""LVM's own tools and ours on the same disk: each understands what the other wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.loops import loop_disks
from fakes.lvm import GIB, MIB, TIME, a_group

from hostlift.host.blockdev import read_at, write_at
from hostlift.host.command import SystemCommands
from hostlift.host.lvm import ondisk

pytestmark = pytest.mark.root


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    with loop_disks(tmp_path, {"pv": 3 * GIB}) as by_id:
        yield str((by_id / "virtio-pv").resolve())


def lvm(*argv: str, device: str) -> str:
    """This kernel may have no device-mapper; reading and writing metadata needs none."""
    options = ("--driverloaded", "n", "--devices", device)
    return SystemCommands().run([*argv, *options], timeout=60).text


def test_its_tools_accept_what_we_write(device: str) -> None:
    """No complaint, the same names, identities and extents."""
    group = a_group()
    for piece in ondisk.pieces(group, group.physical[0], host="web01", time=TIME):
        write_at(device, piece.offset, piece.data)
    lvm("vgck", group.name, device=device)
    told = lvm("pvs", "--noheadings", "-o", "pv_uuid,vg_uuid", device=device).split()
    assert told == [group.physical[0].id, group.id]
    asked = "lv_name,lv_uuid,lv_size,seg_pe_ranges"
    told = lvm("lvs", "--noheadings", "--units", "b", "-o", asked, device=device).split()
    first, second = group.logical
    size = f"{16 * MIB}B"
    assert told == [
        *("lv0", first.id, size, f"{device}:0-3"),
        *("lv1", second.id, size, f"{device}:4-7"),
    ]


def test_we_read_what_its_tools_write(device: str) -> None:
    """After several changes, each of which moved the text on in its ring."""
    lvm("pvcreate", "-y", device, device=device)
    lvm("vgcreate", "-s", "8m", "rhel", device, device=device)
    for name, size in (("root", "800M"), ("swap", "128M"), ("home-dir", "40M")):
        lvm("lvcreate", "-an", "-Zn", "-Wn", "-L", size, "-n", name, "rhel", device=device)
    lvm("lvremove", "-y", "rhel/swap", device=device)
    found = ondisk.read(lambda offset, length: read_at(device, offset, length))
    assert found is not None
    assert found.group is not None
    assert (found.group.name, found.group.extent_size) == ("rhel", 8 * MIB)
    assert {v.name: v.extents for v in found.group.logical} == {"root": 100, "home-dir": 5}
    told = lvm("pvs", "--noheadings", "-o", "pv_uuid,vg_uuid", device=device).split()
    assert told == [found.id, found.group.id]
