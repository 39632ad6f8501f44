# SPDX-License-Identifier: Apache-2.0
"""The mount table's parser."""

from __future__ import annotations

from pathlib import Path

from hostlift.host.mounts import mount_table

LINES = (
    b"22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"
    b"45 22 0:40 /sub\\040dir /mnt/a\\040b\\134c ro,nosuid - btrfs /dev/sdb\\0411 rw,subvol=/x\n"
    b"46 22 0:41 / /run rw - tmpfs tmpfs rw\n"
)


def test_escaped_names_and_optional_fields_are_understood(tmp_path: Path) -> None:
    """Blanks and backslashes in names come back; optional fields before the dash are skipped."""
    table = tmp_path / "mountinfo"
    table.write_bytes(LINES)
    root, sub, run = mount_table(str(table))
    assert (root.mount_point, root.kind, root.source) == ("/", "ext4", "/dev/vda1")
    assert root.super_options == ("rw", "errors=remount-ro")
    assert (sub.root, sub.mount_point, sub.source) == ("/sub dir", "/mnt/a b\\c", "/dev/sdb!1")
    assert sub.options == ("ro", "nosuid")
    assert run.device == "0:41"


def test_the_live_table_has_a_root() -> None:
    """The real file of this process parses."""
    assert any(m.mount_point == "/" for m in mount_table())
