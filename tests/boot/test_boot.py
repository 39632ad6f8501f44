# SPDX-License-Identifier: Apache-2.0
"""Real systems, adapted and booted: what an adaptation is for.

`make test` boots the three fast ones, `make test-boot` all of them.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from boot.machine import started
from boot.systems import BEACON, SYSTEMS, TOKEN, System
from boot.target import MACHINES, build

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.slow]
DEADLINE = 600.0
ADDRESS = "10.0.2.15"
ROWS = [pytest.param(s, id=s.name, marks=() if s.fast else pytest.mark.extended) for s in SYSTEMS]


@pytest.mark.parametrize("system", ROWS)
def test_the_adapted_copy_boots(system: System, tmp_path: Path) -> None:
    """Every volume is mounted, the first card has its address by DHCP, nothing fell back."""
    began = time.monotonic()
    disks, report = build(system, tmp_path)
    built = time.monotonic() - began
    with started(disks, system.firmware, tmp_path) as instance:
        booted = instance.wait_for(system.signal, DEADLINE)
        console = instance.text()
    sys.stdout.write(
        f"\n{system.name}: built and adapted in {built:.0f} s, booted in {booted:.0f} s\n"
        + "".join(f"  note: {note}\n" for note in report.notes)
    )
    if system.signal == BEACON:
        facts = re.findall(rf"hostlift-beacon {TOKEN} ([\w.-]+)=(\S*)", console)
        mounted = {value for name, value in facts if name == "mounts"}
        parts = [p for disk in system.disks for part in disk for p in part.volumes or (part,)]
        wanted = {p.mount_point for p in parts if p.file_system != "swap"}
        if any(p.file_system == "btrfs" for p in parts):
            wanted.add("/home")
        assert wanted - {""} <= mounted | _without_a_line(system)
        if system.asks:
            assert (system.keeps or ADDRESS) in [value for name, value in facts if name == "ip"], (
                console[-6000:]
            )


def _without_a_line(system: System) -> set[str]:
    """Places that the row's own fstab does not name, such as the EFI partition of a BIOS system."""
    fstab = (MACHINES / system.name / "etc/fstab").read_text()
    places = {p.mount_point for disk in system.disks for p in disk}
    return {place for place in places if f" {place} " not in fstab}
