# SPDX-License-Identifier: Apache-2.0
"""The command line of QEMU."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

from hostlift.localcloud.compute.base import DiskRef, MachineSpec, Nic
from hostlift.localcloud.compute.qemu_line import DirectBoot, Resources, command_line, memory_mib

NIC = Nic(
    vpc="vpc",
    vswitch="vsw",
    mac="00:16:3e:00:00:01",
    private_ip="10.0.0.5",
    prefix=24,
    gateway="10.0.0.253",
)
MACHINE = MachineSpec(
    id="i-1",
    hostname="one",
    cpus=4,
    memory_mib=8192,
    firmware="bios",
    disks=(
        DiskRef(id="d-sys", serial="s" * 25, size_gib=20),
        DiskRef(id="d-data", serial="data", size_gib=40),
    ),
    nic=NIC,
)
GIVEN = Resources(
    kvm=False,
    disks=(Path("/c/a,b.qcow2"), Path("/c/data.qcow2")),
    tap=7,
    control=8,
    console=Path("/c/x,y.log"),
    boot=None,
    firmware=None,
    host_cpus=2,
)


def values(words: list[str], option: str) -> list[str]:
    return [after for word, after in itertools.pairwise(words) if word == option]


def test_translation_uses_a_processor_with_aes_and_a_small_cache() -> None:
    """Without KVM: Westmere, both host processors, bounded translation cache."""
    words = command_line(MACHINE, GIVEN)
    assert values(words, "-accel") == ["tcg,thread=multi,tb-size=128"]
    assert values(words, "-cpu") == ["Westmere"]
    assert values(words, "-smp") == ["2"]


def test_kvm_shows_the_processor_of_the_host() -> None:
    """With KVM nothing is emulated that need not be."""
    words = command_line(MACHINE, replace(GIVEN, kvm=True))
    assert values(words, "-accel") == ["kvm"]
    assert values(words, "-cpu") == ["host"]


def test_memory_is_as_asked_within_what_boots_and_what_fits() -> None:
    """OVMF and large initramfs need 512 MiB; several guests share one host."""
    asked = (256, 512, 1024, 16384)
    assert [memory_mib(replace(MACHINE, memory_mib=m)) for m in asked] == [512, 512, 1024, 2048]


def test_disks_are_found_by_serial_and_the_system_disk_boots() -> None:
    """A serial has 20 letters at most; a comma in a path harms nothing."""
    words = command_line(MACHINE, GIVEN)
    nodes = [json.loads(v) for v in values(words, "-blockdev")]
    assert [n["file"]["filename"] for n in nodes] == ["/c/a,b.qcow2", "/c/data.qcow2"]
    devices = [json.loads(v) for v in values(words, "-device") if "virtio-blk" in v]
    assert [d["serial"] for d in devices] == ["s" * 20, "data"]
    assert [d["drive"] for d in devices] == [n["node-name"] for n in nodes]
    assert [d.get("bootindex") for d in devices] == [0, None]


def test_the_guest_sees_the_cloud_it_is_in() -> None:
    """cloud-init recognises Alibaba Cloud by the product name; the id is stable per instance."""
    (table,) = values(command_line(MACHINE, GIVEN), "-smbios")
    assert "manufacturer=Alibaba Cloud,product=Alibaba Cloud ECS" in table
    assert table == values(command_line(MACHINE, GIVEN), "-smbios")[0]
    other = command_line(replace(MACHINE, id="i-2"), GIVEN)
    assert values(other, "-uuid") != values(command_line(MACHINE, GIVEN), "-uuid")


def test_a_direct_boot_names_kernel_and_command_line() -> None:
    """The stock image skips the firmware."""
    boot = DirectBoot(Path("/k"), Path("/i"), "root=x quiet")
    words = command_line(MACHINE, replace(GIVEN, boot=boot))
    assert values(words, "-kernel") == ["/k"]
    assert values(words, "-initrd") == ["/i"]
    assert values(words, "-append") == ["root=x quiet"]
    assert "-kernel" not in command_line(MACHINE, GIVEN)
    assert not any("bootindex" in v for v in values(words, "-device"))


def test_uefi_gets_code_read_only_and_variables_of_its_own() -> None:
    """Two flash devices, the second writable."""
    words = command_line(MACHINE, replace(GIVEN, firmware=(Path("/code"), Path("/vars"))))
    code, variables = values(words, "-drive")
    assert "readonly=on" in code
    assert code.endswith("file=/code")
    assert "readonly" not in variables
    assert variables.endswith("file=/vars")


def test_the_console_grows_and_reboot_is_a_reboot() -> None:
    """The log is appended to, its path's comma doubled; a guest's reboot does not end QEMU."""
    words = command_line(MACHINE, GIVEN)
    assert "file,id=console,path=/c/x,,y.log,append=on" in values(words, "-chardev")
    assert "-no-reboot" not in words


def test_descriptors_are_handed_over() -> None:
    """Network port and control socket are opened by us, in the right namespaces."""
    words = command_line(MACHINE, GIVEN)
    assert values(words, "-netdev") == ["tap,id=net,fd=7"]
    assert any("fd=8,server=on,wait=off" in v for v in values(words, "-chardev"))
    assert any(NIC.mac in v for v in values(words, "-device"))
