# SPDX-License-Identifier: Apache-2.0
"""A whole migration of a live server whose root is in LVM, to an instance that starts by either firmware.

One source, moved twice; each copy is booted on the embedded cloud and says itself what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from boot.server import lvm_server

from demo.cloud import EmbeddedCloud, embedded_cloud, start_from
from demo.guestwork import HOME, migrate, unpack
from demo.run import BUNDLE, VISITOR
from demo.server import Shell
from demo.signoff import SignOff, sign_off
from demo.waiting import wait_until
from hostlift.localcloud.fabric.internet import internet_host

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.slow, pytest.mark.extended]
ROOT = Path(__file__).parents[2]
_LOGIN_LIMIT = 300.0


@dataclass(frozen=True, slots=True)
class World:
    """The cloud, and the server that is moved to it."""

    cloud: EmbeddedCloud
    source: Shell


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("lvm")
    (folder / "source").mkdir()
    with embedded_cloud(folder / "cloud") as cloud:
        fabric = cloud.fabric()
        with (
            internet_host(fabric, "visitor", VISITOR) as visitor,
            lvm_server(fabric, visitor, folder) as source,
        ):
            unpack(source, ROOT / BUNDLE)
            source.run(f"echo {HOME}/ >>{HOME}/Excludes/rsync_excludes_linux.txt")
            yield World(cloud, source)


def moved(world: World, page: Path, boot_mode: str) -> tuple[Shell, SignOff]:
    """The booted copy, and its own verdict."""
    wishes = {
        "access_id": world.cloud.key_id,
        "secret_key": world.cloud.key_secret,
        "region_id": world.cloud.region,
        "image_name": f"server01-{boot_mode or 'as-it-is'}",
        "system_disk_size": 20,
        "data_disks": [],
        "endpoint": world.cloud.inner_endpoint,
        "freeze_limit": 240,
        "boot_mode": boot_mode,
    }
    config = f"umask 077 && cat >{HOME}/user_config.json"
    world.source.run(config, stdin=json.dumps(wishes).encode())
    done = migrate(world.source)
    arrival = start_from(world.cloud, done.image, done.hostname)
    copy = replace(world.source, address=arrival.address)
    wait_until(copy.answers, _LOGIN_LIMIT, "ssh on the copy")
    return copy, sign_off(world.source, copy, done, ROOT / BUNDLE, page)


def mounts(shell: Shell) -> dict[str, str]:
    """Mount point -> device."""
    lines = shell.run("findmnt -rno TARGET,SOURCE --real").splitlines()
    return dict(line.split() for line in lines)


def test_a_root_in_lvm_arrives_in_lvm(world: World, tmp_path: Path) -> None:
    """The same group and volumes, mounted at the same places, and LVM itself finds nothing wrong."""
    copy, verdict = moved(world, tmp_path / "page.html", "")
    assert verdict.good, verdict.said
    assert mounts(copy) == mounts(world.source)
    assert mounts(copy)["/"] == "/dev/mapper/vg--0-root"
    volumes = "vgck && lvs --noheadings -o vg_name,lv_name,lv_uuid,lv_active --separator /"
    assert copy.run(volumes) == world.source.run(volumes)
    assert "/dev/vda" in copy.run("pvs --noheadings -o pv_name")
    assert "/dev/sda" in world.source.run("pvs --noheadings -o pv_name")


def test_a_bios_source_without_an_efi_partition_arrives_on_uefi(
    world: World, tmp_path: Path
) -> None:
    """The copy has an EFI partition, started from it, and keeps it for the loaders of later."""
    world.source.run(f"cd {HOME} && ./hostlift data clear --yes")
    copy, verdict = moved(world, tmp_path / "page.html", "uefi")
    assert verdict.good, verdict.said
    assert copy.run("test -d /sys/firmware/efi && echo yes") == "yes\n"
    assert world.source.run("test -d /sys/firmware/efi || echo no") == "no\n"
    added = {k: v for k, v in mounts(copy).items() if k not in mounts(world.source)}
    assert added == {"/boot/efi": "/dev/vda2"}
    assert copy.run("ls /boot/efi/EFI/BOOT").split() == ["BOOTX64.EFI", "grub.cfg", "grubx64.efi"]
    told = copy.run("blkid -p -o value -s TYPE -s VERSION /dev/vda2").split()
    assert set(told) == {"FAT32", "vfat"}
