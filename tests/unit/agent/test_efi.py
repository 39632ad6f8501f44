# SPDX-License-Identifier: Apache-2.0
"""Which EFI partitions are the agent's own to fill."""

from __future__ import annotations

from dataclasses import replace

from fakes.layouts import ESP, an_order

from hostlift.agent.efi import added
from hostlift.model.plan import Volume


def test_an_efi_partition_without_files_of_the_source_is_filled_here() -> None:
    order = an_order(esp=True)
    assert list(added(order)) == [(order.disks[0], ESP)]


def test_one_that_was_copied_or_is_not_mounted_is_left_alone() -> None:
    """What the source had on it must stay."""
    order = an_order(esp=True)
    copied = Volume(
        id="disk0p3", disk=0, partition=3, mount_point="/boot/efi", file_system="vfat", trees=()
    )
    assert not list(added(replace(order, volumes=(*order.volumes, copied))))
    disk = order.disks[0]
    parts = tuple(replace(p, mount_point="") if p is ESP else p for p in disk.partitions)
    assert not list(added(replace(order, disks=(replace(disk, partitions=parts),))))
