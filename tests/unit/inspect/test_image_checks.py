# SPDX-License-Identifier: Apache-2.0
"""Alibaba's own image check items: each passes what is good and says what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_machine, some_settings

from hostlift.inspect.checkpage import ids, page
from hostlift.inspect.checks import CATALOGUE, CheckContext
from hostlift.inspect.checks.image.load import judged
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Kernel, Machine

PAGE = Path(__file__).parents[3] / "docs/checks.md"
OFFICIAL = {
    "Platform", "OSVersion", "Architecture", "RtcTimeMode", "BootMode", "KernelVersion", "Virtio",
    "Nvme", "Fstab", "Grub", "Dhcp", "Selinux", "OnlineResizeFS", "SystemImage", "CloudAssistant",
    "CloudInit", "SecurityCenterAgent", "SupportMocInstanceTypes",
}  # fmt: skip
"""The Linux items of the current image check: reference/linux-boot.md §5."""


def _found(
    root: Path, files: dict[str, str], wanted: str, machine: Machine | None = None
) -> Finding:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    context = CheckContext(settings=some_settings(), workspace=root / "state", uid=0)
    seen = replace(machine or a_machine(), root=str(root))
    (check,) = [c for c in CATALOGUE if wanted in ids(c)]
    (found,) = [f for f in check.findings(seen, context) if f.check == wanted]
    return found


def test_every_item_of_the_current_image_check_is_there() -> None:
    known = {name for check in CATALOGUE for name in ids(check)}
    assert {f"GUESTOS.{name}" for name in OFFICIAL} <= known


def test_the_page_is_what_the_checks_say() -> None:
    assert PAGE.read_text() == page(), "make it again: the command is on the page"


@pytest.mark.parametrize(
    ("wanted", "files", "severity", "words"),
    [
        ("GUESTOS.RtcTimeMode", {}, Severity.OK, "UTC"),
        ("GUESTOS.RtcTimeMode", {"/etc/adjtime": "0\n0\nLOCAL\n"}, Severity.NOTE, "local time"),
        ("GUESTOS.CloudInit", {}, Severity.NOTE, "not installed"),
        (
            "GUESTOS.CloudInit",
            {
                "/etc/cloud/cloud.cfg": "",
                "/usr/lib/python2.7/site-packages/cloudinit/version.py": '__VERSION__ = "0.7.5"\n',
            },
            Severity.WARNING,
            "0.7.5",
        ),
        (
            "GUESTOS.CloudInit",
            {
                "/etc/cloud/cloud.cfg": "",
                "/usr/lib/python3/dist-packages/cloudinit/version.py": "__VERSION__ = '22.4.2'\n",
            },
            Severity.OK,
            "22.4.2",
        ),
        ("GUESTOS.OnlineResizeFS", {}, Severity.NOTE, "growpart and cloud-init"),
        (
            "GUESTOS.OnlineResizeFS",
            {"/etc/cloud/cloud.cfg": "", "/usr/bin/growpart": ""},
            Severity.OK,
            "",
        ),
        ("GUESTOS.CloudAssistant", {}, Severity.NOTE, "not installed"),
        ("hostlift.ForeignAgents", {"/usr/bin/vmtoolsd": ""}, Severity.NOTE, "VMware Tools"),
        (
            "hostlift.ForeignAgents",
            {"/lib/systemd/system/google-oslogin-cache.timer": "", "/etc/init.d/waagent": ""},
            Severity.NOTE,
            "Azure agent, Google guest agent",
        ),
        ("hostlift.ForeignAgents", {"/etc/cron.d/yunjing": ""}, Severity.NOTE, "Tencent"),
        ("hostlift.ForeignAgents", {"/etc/init.d/nginx": ""}, Severity.OK, "none"),
        ("GUESTOS.SystemImage", {}, Severity.BLOCKER, "no init"),
        ("GUESTOS.SystemImage", {"/sbin/init": ""}, Severity.OK, ""),
        ("hostlift.RootAccount", {"/etc/passwd": "toor:x:0:0:::/bin/sh\n"}, Severity.WARNING, "no user root"),
        ("hostlift.RootAccount", {"/etc/passwd": "root:x:0:0:::/sbin/nologin\n"}, Severity.NOTE, "nologin"),
        ("hostlift.ShadowFile", {}, Severity.WARNING, "there is no"),
        ("hostlift.Ssh", {}, Severity.WARNING, "none is installed"),
        (
            "hostlift.Ssh",
            {"/usr/sbin/sshd": "", "/etc/ssh/sshd_config": "ListenAddress 10.0.0.5\n"},
            Severity.WARNING,
            "10.0.0.5",
        ),
        ("hostlift.Ssh", {"/usr/sbin/sshd": "", "/etc/ssh/sshd_config": "Port 2222\n"}, Severity.NOTE, "2222"),
        ("hostlift.Proxy", {"/etc/environment": "http_proxy=http://p:3128\n"}, Severity.NOTE, "/etc/environment"),
        ("hostlift.Proxy", {"/etc/environment": "# http_proxy=x\n"}, Severity.OK, ""),
        ("hostlift.Rsync", {}, Severity.OK, "not needed"),
    ],
)  # fmt: skip
def test_an_item_says_what_it_saw(
    tmp_path: Path, wanted: str, files: dict[str, str], severity: Severity, words: str
) -> None:
    found = _found(tmp_path, files, wanted)
    assert found.severity is severity
    assert words in found.evidence
    assert found.remedy or severity in {Severity.OK, Severity.NOTE}


def test_an_absolute_link_of_a_library_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "lib").symlink_to("/usr/lib")
    assert _found(tmp_path, {}, "hostlift.Libraries").severity is Severity.WARNING
    (tmp_path / "lib").unlink()
    (tmp_path / "lib").symlink_to("usr/lib")
    assert _found(tmp_path, {}, "hostlift.Libraries").severity is Severity.OK


def test_a_shadow_file_for_everybody_is_told(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/shadow").write_text("")
    (tmp_path / "etc/shadow").chmod(0o644)
    found = _found(tmp_path, {}, "hostlift.ShadowFile")
    assert (found.severity, found.remedy) == (Severity.WARNING, "chmod o= /etc/shadow")


def test_a_kernel_without_nvme_is_named(tmp_path: Path) -> None:
    machine = replace(a_machine(), kernels=(Kernel(release="2.6.32"),))
    assert "2.6.32 lacks it" in _found(tmp_path, {}, "GUESTOS.Nvme", machine).evidence
    dep = {"/lib/modules/2.6.32/modules.dep": "kernel/drivers/nvme/host/nvme.ko.xz: x.ko\n"}
    assert _found(tmp_path, dep, "GUESTOS.Nvme", machine).severity is Severity.OK


@pytest.mark.parametrize(
    ("os_id", "version", "release", "severities"),
    [
        ("centos", "5.10", "2.6.18-398", (Severity.WARNING, Severity.NOTE)),
        ("centos", "5.11", "2.6.18-398", (Severity.OK, Severity.NOTE)),
        ("debian", "12", "6.1.0", (Severity.OK, Severity.OK)),
    ],
)
def test_old_lines_are_told(
    tmp_path: Path, os_id: str, version: str, release: str, severities: tuple[Severity, Severity]
) -> None:
    machine = replace(
        a_machine(),
        os_id=os_id,
        os_version=version,
        kernels=(Kernel(release=release, running=True),),
    )
    found = [
        _found(tmp_path, {}, f"GUESTOS.{n}", machine)
        for n in ("OSVersion", "SupportMocInstanceTypes")
    ]
    assert tuple(f.severity for f in found) == severities


@pytest.mark.parametrize(
    ("load", "available", "severity"),
    [
        ("0.1 0.5 0.3", 900, Severity.OK),
        ("9 3.9 1", 900, Severity.WARNING),
        ("0 0 0", 40, Severity.WARNING),
    ],
)
def test_a_busy_source_is_told(load: str, available: int, severity: Severity) -> None:
    memory = f"MemTotal:       1000 kB\nMemAvailable:    {available} kB\n"
    (found,) = judged(4, f"{load} 1/100 4711\n", memory)
    assert found.severity is severity
