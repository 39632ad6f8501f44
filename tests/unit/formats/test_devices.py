# SPDX-License-Identifier: Apache-2.0
"""Names of devices: as udev links them, as units of systemd are called, as dracut waits for them."""

from __future__ import annotations

import stat

import pytest

from hostlift.formats import dracut
from hostlift.formats.cpio import Member
from hostlift.formats.fstab import spec_of
from hostlift.formats.units import unit_of

FINISHED = "lib/dracut/hooks/initqueue/finished"


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/dev/sda5", "swap", "dev-sda5.swap"),
        ("/dev/disk/by-uuid/1-2", "device", r"dev-disk-by\x2duuid-1\x2d2.device"),
        ("/my data/caf\u00e9", "mount", r"my\x20data-caf\xc3\xa9.mount"),
    ],
)
def test_a_unit_is_called_as_systemd_escape_says(path: str, kind: str, name: str) -> None:
    assert unit_of(path, kind) == name


@pytest.mark.parametrize(
    ("device", "spec"),
    [
        ("/dev/disk/by-uuid/AB-1", "UUID=AB-1"),
        (r"/dev/disk/by-label/my\x20data", "LABEL=my data"),
        ("/dev/disk/by-partuuid/x-01", "PARTUUID=x-01"),
        ("/dev/disk/by-id/ata-1", "/dev/disk/by-id/ata-1"),
        ("/dev/mapper/vg-root", "/dev/mapper/vg-root"),
    ],
)
def test_links_of_udev_are_tags(device: str, spec: str) -> None:
    assert spec_of(device) == spec


@pytest.mark.parametrize(
    ("name", "data", "device"),
    [
        (f"{FINISHED}/devexists-x.sh", b'[ -e "/dev/sda1" ]\n', "/dev/sda1"),
        (f"usr/{FINISHED}/devexists-x.sh", b"[ -e /dev/sda1 ]\n", "/dev/sda1"),
        (
            f"var/{FINISHED}/devexists-x.sh",
            b'if ! grep -q x y 2>/dev/null; then\n    [ -e "/dev/disk/by-uuid/1" ]\nfi\n',
            "/dev/disk/by-uuid/1",
        ),
        (f"{FINISHED}/wait-network.sh", b'[ -e "/dev/sda1" ]\n', ""),
        (f"{FINISHED}/devexists-x.sh", b":\n", ""),
    ],
)
def test_a_hook_of_dracut_tells_what_it_waits_for(name: str, data: bytes, device: str) -> None:
    """Old and new places and forms; what replaces a hook waits for nothing."""
    hook = Member(name, stat.S_IFREG | 0o755, len(data), data)
    assert dracut.awaited(hook) == device
    assert dracut.awaited(dracut.at_once(hook)) == ""
