# SPDX-License-Identifier: Apache-2.0
"""A BIOS boot partition in the gap before the first partition, as a change of firmware makes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import a_file_system, a_machine, a_partition, a_system_disk, some_settings
from fakes.loops import loop_disks

from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.disks import make_table
from hostlift.model.machine import Firmware
from hostlift.model.plan import GIB, Content
from hostlift.plan.make import make

pytestmark = pytest.mark.root
MIB = 1 << 20


def test_the_table_can_be_made_and_is_sound(tmp_path: Path) -> None:
    """sfdisk accepts it, and finds nothing wrong with it afterwards."""
    source = a_system_disk()
    root = a_partition(1, MIB, 20 * GIB - 2 * MIB)
    disk = type(source)(device="/dev/sda", size=20 * GIB, table=source.table, partitions=(root,))
    machine = a_machine(
        disks=(disk,),
        file_systems=(a_file_system("/", "/dev/sda1"),),
        swaps=(),
        firmware=Firmware.UEFI,
    )
    plan = make(machine, some_settings(data_disks=[], boot_mode="bios"), {})
    (target,) = plan.disks
    boot = next(p for p in target.partitions if p.content is Content.BIOS_BOOT)
    with loop_disks(tmp_path, {"d-0": target.size_gib * GIB}) as by_id:
        device = str((by_id / "virtio-d-0").resolve())
        commands = SystemCommands()
        make_table(device, target, commands=commands, clock=SystemClock())
        told = commands.run(["sfdisk", "--verify", device], timeout=60).text
        shown = commands.run(["sfdisk", "--dump", device], timeout=60).text
    assert "No errors detected" in told
    assert f"start=          {boot.start // 512}, size=        {boot.size // 512}" in shown
