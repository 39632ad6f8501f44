# SPDX-License-Identifier: Apache-2.0
"""What a copy is and what it has, found out from its files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.layouts import ORDER
from fakes.tree import MemoryTree

import hostlift.adapt
from hostlift.adapt.layout import Layout
from hostlift.adapt.linux.catalogue import FAMILIES
from hostlift.adapt.linux.found.initramfs_tools import TOOLS, remembered
from hostlift.adapt.linux.found.stacks import STACKS
from hostlift.adapt.linux.toolbox import Toolbox, survey

NOBODY = replace(ORDER, os_id="", os_like=())
SOURCES = Path(hostlift.adapt.__file__).parent


def found(files: dict[str, str]) -> Toolbox:
    return survey(NOBODY, MemoryTree(files), Layout(NOBODY), FAMILIES)


@pytest.mark.parametrize(
    ("files", "family", "network"),
    [
        ({"/etc/os-release": "ID=debian\nVERSION_ID=12\n"}, "debian", "ifupdown"),
        ({"/etc/os-release": "ID=ubuntu\nVERSION_ID=16.04\n"}, "ubuntu", "ifupdown"),
        ({"/etc/os-release": "ID=ubuntu\nVERSION_ID=24.04\n"}, "ubuntu", "netplan"),
        ({"/etc/os-release": "ID=x\nID_LIKE='ubuntu debian'\n"}, "ubuntu", "netplan"),
        ({"/etc/redhat-release": "CentOS release 5.11 (Final)\n"}, "redhat", "network-scripts"),
        ({"/etc/redhat-release": "CentOS release 6.10 (Final)\n"}, "redhat", "network-scripts"),
        ({"/etc/os-release": 'ID="centos"\nVERSION_ID="7"\n'}, "redhat", "network-scripts"),
        ({"/etc/os-release": 'ID="rocky"\nVERSION_ID="9.4"\n'}, "redhat", "network-manager"),
        ({"/etc/os-release": 'ID="ol"\nVERSION_ID="8.9"\n'}, "redhat", "network-scripts"),
        ({"/etc/os-release": "ID=fedora\nVERSION_ID=40\n"}, "fedora", "network-manager"),
        ({"/etc/os-release": 'ID="alinux"\nVERSION_ID="3"\n'}, "alibaba", "network-scripts"),
        ({"/etc/os-release": 'ID="anolis"\nVERSION_ID="23"\n'}, "anolis", "network-manager"),
        ({"/etc/os-release": 'ID="amzn"\nVERSION_ID="2"\n'}, "amazon", "network-scripts"),
        ({"/etc/os-release": 'ID="amzn"\nVERSION_ID="2023"\n'}, "amazon", "networkd"),
        ({"/etc/SuSE-release": "SUSE Linux Enterprise Server 11 (x86_64)\n"}, "suse", "wicked"),
        ({"/etc/os-release": 'ID="sles"\nVERSION_ID="15.5"\n'}, "suse", "wicked"),
        ({"/etc/os-release": 'ID="sles"\nVERSION_ID="16.0"\n'}, "suse", "network-manager"),
        ({"/etc/os-release": "ID=arch\n"}, "arch", "networkd"),
        ({"/etc/os-release": "ID=alpine\nVERSION_ID=3.20.3\n"}, "alpine", "ifupdown"),
        ({"/etc/os-release": "ID=plan9\n"}, "unknown", "networkd"),
    ],
)
def test_a_family_is_known_by_what_the_system_says(
    files: dict[str, str], family: str, network: str
) -> None:
    """By os-release, else by the file only it has; the version chooses the edition."""
    tools = found(files)
    assert (tools.family.name, tools.family.network) == (family, network)


@pytest.mark.parametrize(
    ("files", "maker"),
    [
        (("/usr/sbin/update-initramfs", "/usr/share/initramfs-tools/x"), "initramfs-tools"),
        (("/usr/bin/dracut", "/sbin/mkinitrd"), "dracut"),
        (("/usr/bin/dracut", "/usr/sbin/update-initramfs"), "dracut"),
        (("/usr/bin/mkinitcpio",), "mkinitcpio"),
        (("/sbin/mkinitfs",), "mkinitfs"),
        (("/sbin/mkinitrd", "/lib/mkinitrd/scripts/x"), "suse-mkinitrd"),
        (("/sbin/mkinitrd", "/sbin/nash"), "nash"),
        ((), ""),
    ],
)
def test_the_maker_of_images_is_known_by_its_programs(files: tuple[str, ...], maker: str) -> None:
    """Also where a wrapper has the name of another one's."""
    tool = found(dict.fromkeys(files, "")).maker
    assert (tool.name if tool else "") == maker


@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        (("/boot/grub2/grub.cfg", "/usr/sbin/grub2-install"), ["grub2"]),
        (("/boot/grub/grub.conf", "/boot/grub/stage2"), ["grub-legacy"]),
        (("/boot/extlinux.conf",), ["extlinux"]),
        (("/boot/efi/EFI/systemd/systemd-bootx64.efi",), ["systemd-boot"]),
        (("/boot/EFI/systemd/systemd-bootx64.efi", "/boot/grub/grub.cfg"), ["grub2", "systemd-boot"]),
    ],
)  # fmt: skip
def test_boot_loaders_are_known_by_what_they_left(files: tuple[str, ...], kinds: list[str]) -> None:
    """All of them are named, the likeliest first."""
    assert [x.kind.value for x in found(dict.fromkeys(files, "")).loaders] == kinds


def test_nothing_outside_of_the_tables_asks_for_a_distribution() -> None:
    """A name of a family or a distribution in a comparison belongs into `families`."""
    asked = re.compile(r"(?:family\.name|release\.id|os_id|os_like)\s*(?:==|!=|\bin\b)")
    files = [p for p in SOURCES.rglob("*.py") if p.parent.name != "families"]
    assert [str(p) for p in files if asked.search(p.read_text())] == []


def test_defaults_name_tools_that_exist() -> None:
    """A family that names an unknown maker or stack would silently have none."""
    for family in FAMILIES:
        for edition in (family, *family.editions):
            assert set(edition.makers or ()) <= {t.name for t in TOOLS}
            assert edition.network in {None, *(s.name for s in STACKS)}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("initramfs-tools", "# x\nnvme", "# x\nnvme\nvirtio_blk\n"),
        ("mkinitcpio", "MODULES=(ext4)\nHOOKS=(base)\n", "MODULES=(ext4 virtio_blk nvme)\nHOOKS=(base)\n"),
        ("mkinitfs", 'features="base ext4"\n', 'features="base ext4 virtio nvme"\n'),
        ("suse-mkinitrd", 'INITRD_MODULES="ata_piix ext3"\n', 'INITRD_MODULES="ata_piix ext3 virtio_blk nvme"\n'),
        ("nash", "alias scsi_hostadapter mptspi\n", "alias scsi_hostadapter mptspi\nalias scsi_hostadapter1 virtio_blk\nalias scsi_hostadapter2 nvme\n"),
    ],
)  # fmt: skip
def test_the_next_image_of_each_maker_will_hold_the_drivers(
    name: str, before: str, after: str
) -> None:
    """Written where the maker looks, once."""
    tool = next(t for t in TOOLS if t.name == name)
    assert remembered(tool, before, ["virtio_blk", "nvme"]) == after
    assert remembered(tool, after, ["virtio_blk", "nvme"]) == after


def test_dracut_is_told_in_a_file_of_our_own() -> None:
    """Its configuration is a folder."""
    tool = next(t for t in TOOLS if t.name == "dracut")
    text = remembered(tool, "", ["virtio_blk", "nvme"])
    assert 'add_drivers+=" virtio_blk nvme "\n' in text
    assert tool.command(release="5", image="/i", kernel="/k", modules=["a", "b"]) == [
        "dracut", "--force", "--add-drivers", "a b", "/i", "5",
    ]  # fmt: skip
