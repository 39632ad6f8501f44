# SPDX-License-Identifier: Apache-2.0
"""The checks of kernels, their initramfs and the boot loader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.checked import INITRAMFS, RELEASE, Judge, an_image, only
from fakes.unified import pe_image

from hostlift.model.finding import Severity
from hostlift.model.machine import Firmware, Kernel, Machine


def test_virtio_as_modules_or_built_in_passes(judge: Judge, machine: Machine, source: Path) -> None:
    """modules.dep, the configuration or modules.builtin: one of them says so."""
    assert "virtio_blk as module" in judge("GUESTOS.Virtio", machine)[0].evidence
    (source / f"lib/modules/{RELEASE}/modules.dep").unlink()
    (source / f"lib/modules/{RELEASE}/modules.builtin").write_text("kernel/x/virtio_blk.ko\n")
    (source / f"boot/config-{RELEASE}").write_text("CONFIG_VIRTIO_NET=y\n")
    found = judge("GUESTOS.Virtio", machine)
    assert found[0].evidence == f"{RELEASE} (virtio_blk built in, virtio_net built in)"


def test_an_initramfs_without_the_drivers_is_added_to(
    judge: Judge, machine: Machine, source: Path
) -> None:
    """What the kernel has and the image has not is named; what is there already is not."""
    assert [f.severity for f in judge("GUESTOS.Virtio", machine)] == [Severity.OK]
    (source / INITRAMFS).write_bytes(an_image("virtio"))
    found = only(judge("GUESTOS.Virtio", machine)[1:], Severity.NOTE)
    assert found.evidence == f"/{INITRAMFS} lacks virtio_blk: added in the copy"


def test_an_initramfs_that_nothing_can_join_is_a_warning(
    judge: Judge, machine: Machine, source: Path
) -> None:
    """Without a shell or hooks only the system's own tool can add a driver."""
    (source / INITRAMFS).write_bytes(an_image(kind="init"))
    found = only(judge("GUESTOS.Virtio", machine)[1:], Severity.WARNING)
    assert "lacks virtio_blk, and nothing can be appended" in found.evidence


def test_a_unified_image_is_read_inside(judge: Judge, machine: Machine, source: Path) -> None:
    """Kernel and initramfs in one file: nothing can be appended to what it lacks."""
    path = "boot/efi/EFI/Linux/x.efi"
    (source / path).parent.mkdir(parents=True)
    known = replace(
        machine, kernels=tuple(replace(k, initramfs=f"/{path}") for k in machine.kernels)
    )
    (source / path).write_bytes(pe_image([(".initrd", an_image("virtio_blk"))]))
    assert [f.severity for f in judge("GUESTOS.Virtio", known)] == [Severity.OK]
    (source / path).write_bytes(pe_image([(".initrd", an_image())]))
    found = only(judge("GUESTOS.Virtio", known)[1:], Severity.WARNING)
    assert f"/{path} lacks virtio_blk" in found.evidence


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "nothing is in it"),
        (an_image("virtio")[:-30], "ends too early"),
        (b"lzop", "unknown kind"),
    ],
)
def test_an_initramfs_that_cannot_be_read_blocks(
    judge: Judge, machine: Machine, source: Path, data: bytes, why: str
) -> None:
    """Adaptation would stop at it after hours of copying: a full /boot leaves such images."""
    (source / INITRAMFS).write_bytes(data)
    found = only(judge("GUESTOS.Virtio", machine)[1:], Severity.BLOCKER)
    assert f"/{INITRAMFS}: " in found.evidence
    assert why in found.evidence


SPARE = "5.10.0-8-amd64"
MENUS = {
    "grub2": (
        "boot/grub/grub.cfg",
        (
            'set default="{}"\n'
            f"menuentry a {{{{\n linux /vmlinuz-{RELEASE} ro\n}}}}\n"
            f"menuentry b {{{{\n linux /vmlinuz-{SPARE} ro\n}}}}\n"
        ),
    ),
    "grub-legacy": (
        "boot/grub/menu.lst",
        f"default {{}}\ntitle a\nkernel /vmlinuz-{RELEASE}\ntitle b\nkernel /vmlinuz-{SPARE}\n",
    ),
}


def with_spare(machine: Machine, source: Path, spare: bytes | None) -> Machine:
    """The same with an older kernel, its initramfs empty of sense, or missing."""
    (source / f"lib/modules/{SPARE}").mkdir(parents=True)
    for name in ("modules.dep",):
        data = (source / f"lib/modules/{RELEASE}/{name}").read_bytes()
        (source / f"lib/modules/{SPARE}/{name}").write_bytes(data)
    initramfs = f"/boot/initrd.img-{SPARE}" if spare is not None else ""
    if spare is not None:
        (source / initramfs[1:]).write_bytes(spare)
    older = Kernel(release=SPARE, image=f"/boot/vmlinuz-{SPARE}", initramfs=initramfs)
    return replace(machine, kernels=(older, *machine.kernels))


@pytest.mark.parametrize("spare", [b"", b"lzop", an_image("virtio")[:-30], None])
def test_a_damaged_or_missing_initramfs_of_a_spare_kernel_is_a_warning(
    judge: Judge, machine: Machine, source: Path, spare: bytes | None
) -> None:
    """Without a menu that tells, the newest kernel starts."""
    found = only(judge("GUESTOS.Virtio", with_spare(machine, source, spare)), Severity.WARNING)
    assert found.check == "GUESTOS.KernelVersion"
    assert SPARE in found.evidence
    assert "only a spare kernel" in found.evidence


@pytest.mark.parametrize("loader", MENUS)
@pytest.mark.parametrize(("default", "severity"), [(0, Severity.WARNING), (1, Severity.BLOCKER)])
def test_the_kernel_that_the_menu_starts_must_have_its_initramfs(
    judge: Judge, machine: Machine, source: Path, loader: str, default: int, severity: Severity
) -> None:
    """The older one may be the default."""
    path, text = MENUS[loader]
    (source / path).parent.mkdir(parents=True)
    (source / path).write_text(text.format(default))
    spare = replace(with_spare(machine, source, b"lzop"), loader=loader)
    assert SPARE in only(judge("GUESTOS.Virtio", spare), severity).evidence


def test_with_entries_the_saved_one_must_have_its_initramfs(
    judge: Judge, machine: Machine, source: Path
) -> None:
    """Red Hat's menus hold no kernels; the entry's name is in the environment of GRUB."""
    spare = replace(with_spare(machine, source, None), loader="grub2")
    (source / "boot/loader/entries").mkdir(parents=True)
    (source / "boot/grub2").mkdir()
    for release in (RELEASE, SPARE):
        entry = source / f"boot/loader/entries/0af3-{release}.conf"
        entry.write_text(f"title x\nversion {release}\nlinux /vmlinuz-{release}\n")
    (source / "boot/grub2/grub.cfg").write_text('set default="${saved_entry}"\nblscfg\n')
    assert "spare" in only(judge("GUESTOS.Virtio", spare), Severity.WARNING).evidence
    saved = f"# GRUB Environment Block\nsaved_entry=0af3-{SPARE}\n"
    (source / "boot/grub2/grubenv").write_text(saved)
    found = only(judge("GUESTOS.Virtio", spare), Severity.BLOCKER)
    assert f"no initramfs in /boot for {SPARE}, whose virtio_blk are modules" in found.evidence


def test_a_kernel_with_everything_built_in_needs_no_initramfs(
    judge: Judge, machine: Machine, source: Path
) -> None:
    """Made by hand, as many are."""
    (source / f"lib/modules/{RELEASE}/modules.dep").unlink()
    (source / f"boot/config-{RELEASE}").write_text("CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=y\n")
    bare = replace(machine, kernels=(replace(machine.kernels[0], initramfs=""),))
    assert [f.severity for f in judge("GUESTOS.Virtio", bare)] == [Severity.OK]


def test_a_default_kernel_without_virtio_blocks_although_another_has_it(
    judge: Judge, machine: Machine
) -> None:
    """The copy would start the one that cannot."""
    newer = replace(machine.kernels[0], release="9.0-odd", running=False)
    both = judge("GUESTOS.Virtio", replace(machine, kernels=(*machine.kernels, newer)))
    found = only(both, Severity.BLOCKER)
    assert "9.0-odd lacks virtio_blk" in found.evidence
    assert "grub-set-default" in found.remedy


def test_a_kernel_without_virtio_blocks_unless_another_has_it(
    judge: Judge, machine: Machine
) -> None:
    """The one that would not boot is named."""
    other = replace(machine.kernels[0], release="4.0-odd", running=False)
    alone = judge("GUESTOS.Virtio", replace(machine, kernels=(other,)))
    assert "4.0-odd lacks virtio_blk, virtio_net" in only(alone, Severity.BLOCKER).evidence
    both = judge("GUESTOS.Virtio", replace(machine, kernels=(*machine.kernels, other)))
    assert "4.0-odd" in only(both, Severity.WARNING).evidence
    none = judge("GUESTOS.Virtio", replace(machine, kernels=()))
    assert "no kernel" in only(none, Severity.BLOCKER).evidence


@pytest.mark.parametrize(
    ("loader", "version", "severity"),
    [
        ("grub2", "1:2.06-13", Severity.OK),
        ("grub2", "1.99-21", Severity.OK),
        ("grub2", "1.98+2010", Severity.BLOCKER),
        ("grub2", "", Severity.NOTE),
        ("grub-legacy", "", Severity.NOTE),
        ("extlinux", "", Severity.NOTE),
        ("systemd-boot", "", Severity.NOTE),
        ("unified", "", Severity.NOTE),
        ("", "", Severity.BLOCKER),
    ],
)
def test_the_boot_loader_is_grub_of_at_least_1_99(
    judge: Judge, machine: Machine, loader: str, version: str, severity: Severity
) -> None:
    """As the original demands."""
    found = judge("GUESTOS.Grub", replace(machine, loader=loader, loader_version=version))
    assert found[0].severity is severity


def test_uefi_starts_by_the_fallback_loader(judge: Judge, machine: Machine) -> None:
    """Whatever entries the old firmware had."""
    found = judge("GUESTOS.Grub", replace(machine, firmware=Firmware.UEFI))
    assert "EFI/BOOT" in found[1].evidence
