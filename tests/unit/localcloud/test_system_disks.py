# SPDX-License-Identifier: Apache-2.0
"""System disks that are replaced, and copies of images that are cancelled."""

from __future__ import annotations

from fakes.calls import DEBIAN, Calls


def _stopped(calls: Calls) -> tuple[str, str]:
    """A stopped instance that ran with a system disk of 60 GiB, and the disk."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group, **{"SystemDisk.Size": 60})
    calls.settle()
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging")
    calls.settle()
    return key, str(calls.disks(key)[0]["DiskId"])


def test_a_replaced_system_disk_is_forty_gib_unless_the_image_is_larger(calls: Calls) -> None:
    """Whatever the size of the old one was; 2048 at most."""
    key, _ = _stopped(calls)
    given = {"InstanceId": key, "ImageId": DEBIAN}
    for size, code in (
        (19, "InvalidSystemDiskSize.LessThanImageSize"),
        (2049, "InvalidSystemDiskSize.MoreThanMaxSize"),
    ):
        assert calls.refusal("ReplaceSystemDisk", **given, **{"SystemDisk.Size": size}) == code
    calls.ecs("ReplaceSystemDisk", **given)
    calls.settle()
    assert calls.disks(key)[0]["Size"] == 40


def test_a_system_disk_is_not_replaced_while_a_snapshot_is_made_of_it(calls: Calls) -> None:
    """With a code of its own."""
    key, system = _stopped(calls)
    calls.ecs("CreateSnapshot", DiskId=system)
    code = calls.refusal("ReplaceSystemDisk", InstanceId=key, ImageId=DEBIAN)
    assert code == "DiskCreatingSnapshot"


def test_a_copy_of_an_image_is_cancelled_while_it_is_made(calls: Calls) -> None:
    """It and its snapshots are gone there; the source stays; a finished one is refused."""
    key, system = _stopped(calls)
    snapshot = calls.ecs("CreateSnapshot", DiskId=system)["SnapshotId"]
    calls.settle()
    image = calls.ecs("CreateImage", SnapshotId=snapshot, ImageName="one")["ImageId"]
    calls.settle()
    there = calls.of("main", "cn-beijing")
    given = {"ImageId": image, "DestinationRegionId": "cn-beijing"}
    copy = calls.ecs("CopyImage", **given)["ImageId"]
    assert calls.refusal("CancelCopyImage", ImageId=copy) == "InvalidImageId.NotFound"
    assert calls.refusal("CancelCopyImage", ImageId=image) == "ImageCreatedNotFromCopy"
    there.ecs("CancelCopyImage", ImageId=copy)
    there.settle()
    assert there.ecs("DescribeImages", ImageId=copy, Status="Creating,Available")["TotalCount"] == 0
    assert there.ecs("DescribeSnapshots")["TotalCount"] == 0
    assert calls.ecs("DescribeImages", ImageId=image)["TotalCount"] == 1
    copy = calls.ecs("CopyImage", **given)["ImageId"]
    there.settle()
    assert there.refusal("CancelCopyImage", ImageId=copy) == "IncorrectImageStatus"
    assert calls.instance(key)["Status"] == "Stopped"


def test_a_system_disk_is_not_replaced_by_an_image_with_data_disks(calls: Calls) -> None:
    """An image of the system disk alone does."""
    _, vswitch, group = calls.network()
    key = calls.run(vswitch, group, **{"DataDisk.1.Size": 20})
    calls.settle()
    calls.ecs("StopInstance", InstanceId=key, StoppedMode="KeepCharging")
    calls.settle()
    both = calls.ecs("CreateImage", InstanceId=key, ImageName="two")["ImageId"]
    calls.settle()
    assert calls.refusal("ReplaceSystemDisk", InstanceId=key, ImageId=both) == "OperationDenied"
    disks = calls.ecs("DescribeDisks", InstanceId=key, DiskType="system")["Disks"]["Disk"]
    snapshot = calls.ecs("CreateSnapshot", DiskId=disks[0]["DiskId"])["SnapshotId"]
    calls.settle()
    alone = calls.ecs("CreateImage", SnapshotId=snapshot, ImageName="one")["ImageId"]
    calls.settle()
    calls.ecs("ReplaceSystemDisk", InstanceId=key, ImageId=alone)
