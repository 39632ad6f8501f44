# SPDX-License-Identifier: Apache-2.0
"""Each check: what passes, what does not, and that both say what they saw."""

from __future__ import annotations

import gzip
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import GIB, a_file_system, a_machine, some_settings
from fakes.unified import pe_image

from hostlift.formats import cpio
from hostlift.formats.cpio import Member
from hostlift.inspect.checks import CATALOGUE, CheckContext, check_all
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import FileSystem, Firmware, Kernel, Machine, Workload

RELEASE = "6.1.0-18-amd64"
INITRAMFS = f"boot/initrd.img-{RELEASE}"
Judge = Callable[..., list[Finding]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files of a source that passes everything."""
    root = tmp_path / "source"
    files = {
        f"boot/config-{RELEASE}": "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_NET=m\n",
        f"lib/modules/{RELEASE}/modules.dep": (
            "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n"
            "kernel/drivers/net/virtio_net.ko.xz: kernel/net/core/failover.ko.xz\n"
        ),
        "etc/fstab": "UUID=AA / ext4 defaults 0 1\n",
        "etc/network/interfaces": "auto lo\niface lo inet loopback\niface ens3 inet dhcp\n",
        "data/x": "",
        "sbin/init": "",
        "usr/sbin/sshd": "",
        "usr/bin/passwd": "",
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
        "etc/shadow": "root:*:1::::::\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "etc/shadow").chmod(0o640)
    (root / INITRAMFS).write_bytes(an_image("virtio", "virtio_blk"))
    return root


def an_image(*modules: str, kind: str = "scripts/init-top/ORDER") -> bytes:
    """An initramfs that starts the way ``kind`` says and holds these modules."""
    files = [kind, *(f"usr/lib/modules/{RELEASE}/{m}.ko" for m in modules)]
    return gzip.compress(cpio.write([Member(f, stat.S_IFREG | 0o644, data=b"x") for f in files]))


@pytest.fixture
def machine(source: Path) -> Machine:
    base = a_machine(root=str(source), clock_skew=1.0)
    systems = (replace(base.file_systems[0], uuid="aa"), *base.file_systems[1:])
    return replace(base, file_systems=systems)


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Runs the check of an id and gives its findings."""

    def run(check: str, machine: Machine, reach: Any = (), uid: int = 0, **wishes: Any) -> Any:
        context = CheckContext(
            settings=some_settings(**wishes), workspace=tmp_path / "state", reach=reach, uid=uid
        )
        (found,) = [c for c in CATALOGUE if c.id == check]
        return found.findings(machine, context)

    return run


def only(findings: list[Finding], severity: Severity) -> Finding:
    (finding,) = [f for f in findings if f.severity is severity]
    assert finding.evidence
    assert finding.remedy or severity in (Severity.OK, Severity.NOTE)
    return finding


def test_a_good_source_has_no_warnings(machine: Machine, tmp_path: Path) -> None:
    """Everything passes, each check says something, ids are unique."""
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "loadavg").write_text("0.10 0.10 0.10 1/99 1234\n")
    (proc / "meminfo").write_text("MemTotal: 4096 kB\nMemAvailable: 2048 kB\n")
    context = CheckContext(
        settings=some_settings(),
        workspace=tmp_path,
        reach=(("ecs:443", True, ""),),
        uid=0,
        proc=proc,
    )
    findings = check_all(machine, context)
    assert {f.severity for f in findings} <= {Severity.OK, Severity.NOTE}
    assert {c.id for c in CATALOGUE} <= {f.check for f in findings}
    assert len({c.id for c in CATALOGUE}) == len(CATALOGUE)


def test_other_users_than_root_are_stopped(judge: Judge, machine: Machine) -> None:
    """Half of the files could not be read."""
    assert (
        "user id 1000"
        in only(judge("hostlift.Privileges", machine, uid=1000), Severity.BLOCKER).evidence
    )


def test_an_unknown_distribution_is_a_warning(judge: Judge, machine: Machine) -> None:
    """A finding, never a refusal; a derivative of a known one passes."""
    odd = replace(machine, os_id="gentoo", os_name="Gentoo")
    assert "tools that are found" in only(judge("GUESTOS.Platform", odd), Severity.WARNING).evidence
    rocky = replace(machine, os_id="rocky", os_like=("rhel", "centos", "fedora"))
    assert "recorded trees" in only(judge("GUESTOS.Platform", rocky), Severity.NOTE).evidence
    mint = replace(machine, os_id="linuxmint", os_like=("ubuntu", "debian"))
    assert judge("GUESTOS.Platform", mint)[0].severity is Severity.OK
    power = replace(machine, architecture="ppc64le")
    assert "ppc64le" in only(judge("GUESTOS.Platform", power), Severity.BLOCKER).evidence


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


def test_storage_that_cannot_be_mirrored_blocks_with_choices(
    judge: Judge, machine: Machine
) -> None:
    """Unknown kinds and a missing root."""

    def with_fs(*more: FileSystem) -> list[Finding]:
        changed = replace(machine, file_systems=(machine.file_systems[0], *more))
        return judge("hostlift.FileSystems", changed)

    zfs = with_fs(a_file_system("/srv", "/dev/sdb1", kind="zfs"))
    assert "zfs" in only(zfs, Severity.BLOCKER).evidence
    rootless = judge("hostlift.FileSystems", replace(machine, file_systems=()))
    assert "not on a local disk" in only(rootless, Severity.BLOCKER).evidence


def test_sizes_below_what_is_used_name_their_key(judge: Judge, machine: Machine) -> None:
    """With the least number that does."""
    used = replace(machine.file_systems[0], used=40 * GIB, size=90 * GIB)
    data = replace(machine.file_systems[2], used=28 * GIB)
    full = replace(machine, file_systems=(used, machine.file_systems[1], data))
    disks = [{"data_disk_index": 1, "data_disk_size": 20, "src_path": "/data"}]
    found = judge("hostlift.Space", full, system_disk_size=40, data_disks=disks)
    blockers = [f for f in found if f.severity is Severity.BLOCKER]
    assert "system_disk_size is 40 GiB, but 40.1 GiB are in use" in blockers[0].evidence
    assert "Set system_disk_size to 45 or more" in blockers[0].remedy
    assert "data_disks[0].data_disk_size" in blockers[1].evidence


def test_a_full_file_system_is_a_warning(judge: Judge, machine: Machine) -> None:
    """In bytes, or in inodes."""
    root = machine.file_systems[0]
    brim = replace(machine, file_systems=(replace(root, used=root.size),))
    assert "is full" in only(judge("hostlift.Space", brim), Severity.WARNING).evidence
    odd = replace(machine, file_systems=(replace(root, used_inodes=root.inodes),))
    assert "inodes" in only(judge("hostlift.Space", odd), Severity.WARNING).evidence


def test_fstab_lines_without_their_device_are_named(
    judge: Judge, machine: Machine, source: Path
) -> None:
    """They would hold up the boot; nofail and noauto lines do not."""
    (source / "etc/fstab").write_text(
        "# UUID=old /old ext4 defaults 0 0\n"
        "UUID=AA / ext4 defaults 0 1\n"
        "LABEL=data /data ext4 defaults 0 2\n"
        "/dev/sda3 none swap sw 0 0\n"
        "UUID=gone /gone ext4 defaults 0 2\n"
        "UUID=far /far ext4 nofail 0 2\n"
        "nas:/x /nas nfs defaults 0 0\n"
    )
    found = judge("GUESTOS.Fstab", machine)
    assert only(found, Severity.WARNING).evidence == "UUID=gone on /gone"
    notes = [f.evidence for f in found if f.severity is Severity.NOTE]
    assert "/dev/sda3" in notes[0]
    assert "nas:/x" in notes[1]


def test_fstab_is_read_as_mount_reads_it(judge: Judge, machine: Machine, source: Path) -> None:
    """Quotes and escapes are no part of a name, lines may end early, bytes may be anything."""
    (source / "etc/fstab").write_bytes(
        b'UUID="aa" / ext4\nLABEL=dat\\141 /dat\\141\n/dev/sdz9 /caf\xe9\\040noir xfs ro 0 2\n'
    )
    found = judge("GUESTOS.Fstab", machine)
    evidence = only(found, Severity.WARNING).evidence
    assert evidence == "/dev/sdz9 on /caf\\udce9 noir"
    assert "/dev/sdz9" in only(found, Severity.NOTE).evidence


@pytest.mark.parametrize(
    ("skew", "severity"),
    [
        (None, Severity.NOTE),
        (3.0, Severity.OK),
        (-120.0, Severity.WARNING),
        (3600.0, Severity.BLOCKER),
        (-3600.0, Severity.BLOCKER),
    ],
)
def test_the_clock_may_be_off_a_little(
    judge: Judge, machine: Machine, skew: float | None, severity: Severity
) -> None:
    """An hour means that every call fails with IllegalTimestamp."""
    found = judge("hostlift.Clock", replace(machine, clock_skew=skew))
    assert found[0].severity is severity
    assert ("IllegalTimestamp" in found[0].evidence) == (severity is Severity.BLOCKER)


def test_an_unreachable_endpoint_blocks(judge: Judge, machine: Machine) -> None:
    """Each address has its own finding."""
    reach = (("ecs.x:443", True, ""), ("vpc.x:443", False, "timed out"))
    found = judge("hostlift.Endpoints", machine, reach=reach)
    assert [f.severity for f in found] == [Severity.OK, Severity.BLOCKER]
    assert found[1].evidence == "vpc.x:443: timed out"


def test_selinux_is_a_note_and_never_a_demand(judge: Judge, machine: Machine) -> None:
    """The original wanted it off."""
    found = judge("GUESTOS.Selinux", replace(machine, selinux="enforcing"))
    assert only(found, Severity.NOTE).remedy == ""


def test_running_services_are_notes_with_their_hook(judge: Judge, machine: Machine) -> None:
    """What the last pass does with each of them."""
    work = (
        Workload(
            kind="postgresql", name="postgresql 15", data_dir="/pg", pids=(1,), hook="postgresql"
        ),
        Workload(kind="docker", name="docker", pids=(2,)),
        Workload(kind="mysql", name="mysql", data_dir="/my", hook="mysql"),
    )
    found = judge("hostlift.Workloads", replace(machine, workloads=work))
    assert {f.severity for f in found} == {Severity.NOTE}
    assert "by the hook postgresql" in found[0].evidence
    assert "power cut" in found[1].evidence
    assert "not running" in found[2].evidence
    disabled = judge("hostlift.Workloads", replace(machine, workloads=work), hooks=[])
    assert "power cut" in disabled[0].evidence


def test_what_the_default_excludes_drop_is_a_warning(judge: Judge, machine: Machine) -> None:
    """A local file system below /mnt must not be lost in silence; listing it keeps it."""
    disk = a_file_system("/mnt/disk1", "/dev/sdb1")
    with_disk = replace(machine, file_systems=(*machine.file_systems, disk))
    finding = only(judge("hostlift.Excludes", with_disk), Severity.WARNING)
    assert "/mnt/disk1" in finding.evidence
    assert "'/mnt/*'" in finding.evidence
    disks = [{"data_disk_index": 1, "src_path": "/mnt/disk1"}]
    assert judge("hostlift.Excludes", with_disk, data_disks=disks)[0].severity is Severity.OK


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("etc/network/interfaces", "iface ens3 inet static\n  address 198.51.100.7/24\n"),
        (
            "etc/netplan/50-x.yaml",
            "network:\n  ethernets:\n    e:\n      addresses: [198.51.100.7/24]\n",
        ),
        ("etc/systemd/network/a.network", "[Network]\nAddress=198.51.100.7/24\n"),
        ("etc/NetworkManager/system-connections/a.nmconnection", "address1=198.51.100.7/24\n"),
        ("etc/sysconfig/network-scripts/ifcfg-eth0", "BOOTPROTO=none\nIPADDR=198.51.100.7\n"),
    ],
)
def test_static_addresses_are_named_with_their_file(
    judge: Judge, machine: Machine, source: Path, file: str, text: str
) -> None:
    """They change on ECS: never silently."""
    (source / file).parent.mkdir(parents=True, exist_ok=True)
    (source / file).write_text(text)
    finding = only(judge("GUESTOS.Dhcp", machine), Severity.WARNING)
    assert f"/{file}" in finding.evidence
    assert "198.51.100.10/24" in finding.evidence


def test_a_firewall_is_a_note(judge: Judge, machine: Machine, source: Path) -> None:
    """Its rules travel."""
    unit = source / "etc/systemd/system/multi-user.target.wants/nftables.service"
    unit.parent.mkdir(parents=True)
    unit.symlink_to("/lib/systemd/system/nftables.service")
    assert "nftables" in only(judge("hostlift.Firewall", machine), Severity.NOTE).evidence


def test_a_data_disk_must_be_a_directory(judge: Judge, machine: Machine) -> None:
    """The error names the key; a plain directory is a note."""
    disks = [
        {"data_disk_index": 1, "src_path": "/nowhere"},
        {"data_disk_index": 2, "src_path": "/etc/network"},
    ]
    found = judge("hostlift.DataDisks", machine, data_disks=disks)
    assert "data_disks[0].src_path: /nowhere" in only(found, Severity.BLOCKER).evidence
    assert "plain directory" in only(found, Severity.NOTE).evidence


def test_a_readable_secret_is_a_warning(judge: Judge, machine: Machine, tmp_path: Path) -> None:
    """The remedy is the command; the secret is not shown."""
    file = tmp_path / "state/user_config.json"
    file.parent.mkdir()
    file.write_text('{"secret_key": "hunter2"}')
    file.chmod(0o644)
    finding = only(judge("hostlift.StateFolder", machine), Severity.WARNING)
    assert "chmod 600" in finding.evidence
    assert "hunter2" not in finding.evidence
