# SPDX-License-Identifier: Apache-2.0
"""Secure Boot: what the firmware says, what the loaders are, whose keys the modules need."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_machine, some_settings
from fakes.sysfs import FakeKernel
from fakes.unified import pe_image

from hostlift.inspect import system
from hostlift.inspect.checks.boot.secureboot import CHECK
from hostlift.inspect.checks.context import CheckContext
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Firmware, Machine

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
RELEASE = "6.1.0-18-amd64"
SHIM = pe_image([(".text", b"UEFI SHIM 15.8")], signed=True)
SIGNED = pe_image([(".text", b"GRUB")], signed=True)
BARE = pe_image([(".text", b"GRUB")])
FOLDER = "boot/efi/EFI/debian"
GOOD = {
    f"{FOLDER}/shimx64.efi": SHIM,
    f"{FOLDER}/GRUBX64.EFI": SIGNED,
    f"boot/vmlinuz-{RELEASE}": SIGNED,
}


def judged(root: Path, files: dict[str, bytes], state: str) -> list[Finding]:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    machine: Machine = replace(
        a_machine(), root=str(root), firmware=Firmware.UEFI, secure_boot=state
    )
    return CHECK.findings(machine, CheckContext(settings=some_settings(), workspace=root, uid=0))


@pytest.mark.parametrize(
    ("secure", "setup", "state"), [(1, 0, "on"), (0, 0, "off"), (0, 1, "setup"), (None, 1, "")]
)
@pytest.mark.parametrize("old", [False, True])
def test_the_firmware_says_whether_it_checks(
    tmp_path: Path, secure: int | None, setup: int, state: str, old: bool
) -> None:
    """By efivarfs, or by what old kernels had instead."""
    kernel = FakeKernel(tmp_path)
    for name, value in (("SecureBoot", secure), ("SetupMode", setup)):
        if value is not None:
            path = f"vars/{name}-{GLOBAL}/data" if old else f"efivars/{name}-{GLOBAL}"
            kernel.put(f"sys/firmware/efi/{path}", ("" if old else "\x06\0\0\0") + chr(value))
    assert system.secure_boot(tmp_path / "sys") == state


def test_a_source_that_starts_by_bios_has_none(tmp_path: Path) -> None:
    machine = replace(a_machine(), root=str(tmp_path))
    context = CheckContext(settings=some_settings(), workspace=tmp_path, uid=0)
    (found,) = CHECK.findings(machine, context)
    assert found.severity is Severity.OK


def test_what_is_on_here_and_off_on_ecs_is_said_with_a_way_to_keep_it(tmp_path: Path) -> None:
    """A security setting is never weakened without a word."""
    (found,) = judged(tmp_path, GOOD, "on")
    assert found.severity is Severity.WARNING
    assert "off on ECS unless" in found.evidence
    assert "lockdown=integrity" in found.remedy


@pytest.mark.parametrize("state", ["off", "setup", ""])
def test_signed_loaders_and_a_signed_kernel_could_have_it_switched_on(
    tmp_path: Path, state: str
) -> None:
    (found,) = judged(tmp_path, GOOD, state)
    assert found.severity is Severity.OK
    assert "are signed" in found.evidence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({f"{FOLDER}/shimx64.efi": BARE}, "no shim on the EFI partition"),
        ({f"{FOLDER}/GRUBX64.EFI": BARE}, f"/{FOLDER}/GRUBX64.EFI is not signed"),
        ({f"boot/vmlinuz-{RELEASE}": BARE}, f"/boot/vmlinuz-{RELEASE} is not signed"),
        ({f"boot/vmlinuz-{RELEASE}": b"raw"}, f"/boot/vmlinuz-{RELEASE} is not signed"),
    ],
)
def test_what_a_firmware_would_refuse_is_named(
    tmp_path: Path, changes: dict[str, bytes], words: str
) -> None:
    """A warning where the source relies on it, to know where it does not."""
    (on,) = judged(tmp_path, {**GOOD, **changes}, "on")
    assert (on.severity, words in on.evidence) == (Severity.WARNING, True)
    assert "shim-signed" in on.remedy
    (off,) = judged(tmp_path, {}, "off")
    assert (off.severity, words in off.evidence) == (Severity.NOTE, True)


def test_one_whole_chain_is_enough(tmp_path: Path) -> None:
    """EFI/BOOT often holds a shim without what it starts: its helper makes an entry instead."""
    (found,) = judged(tmp_path, {**GOOD, "boot/efi/EFI/BOOT/BOOTX64.EFI": SHIM}, "off")
    assert found.severity is Severity.OK


def test_modules_from_elsewhere_need_keys_that_do_not_travel(tmp_path: Path) -> None:
    """Signed and bare ones, compressed or not."""
    signature = b"elf~Module signature appended~\n"
    files = {
        f"lib/modules/{RELEASE}/updates/dkms/nvidia.ko.gz": gzip.compress(signature),
        f"lib/modules/{RELEASE}/extra/odd.ko": b"elf",
        f"lib/modules/{RELEASE}/extra/torn.ko.xz": b"torn",
        f"lib/modules/{RELEASE}/extra/README": b"",
        "var/lib/dkms/mok.pub": b"",
    }
    _, found = judged(tmp_path, {**GOOD, **files}, "off")
    assert found.severity is Severity.NOTE
    assert found.evidence.startswith(f"3 of kernel {RELEASE} are not the distribution's; 2 have no")
    assert f"/lib/modules/{RELEASE}/extra/odd.ko" in found.evidence
    assert "/var/lib/dkms/mok.pub" in found.evidence
