# SPDX-License-Identifier: Apache-2.0
"""Each check: what passes, what does not, and that both say what they saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import GIB, a_file_system, some_settings
from fakes.checked import Judge, only

from hostlift.inspect.checks import CATALOGUE, CheckContext, check_all
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import FileSystem, Machine, Workload


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
