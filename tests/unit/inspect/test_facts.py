# SPDX-License-Identifier: Apache-2.0
"""Facts of a server from recorded files: whatever its init system and package manager."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.commands import ScriptedCommands

from hostlift.inspect.facts import accounts, network, packages, services, system
from hostlift.inspect.facts.collect import of_place
from hostlift.inspect.facts.place import Place
from hostlift.inspect.guest import Guest
from hostlift.inspect.tools import Tools
from hostlift.model.baseline import Section

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1
   2: 0100007F:1538 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4713 1
"""
UDP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0A00000A:007B 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4714 1
   1: 00000000:C000 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4715 1
"""
ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0000A8C0\t0200000A\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


def _place(folder: Path, files: Mapping[str, str], *, live: bool = True) -> Place:
    for name, text in files.items():
        path = folder / "root" / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "root/etc").mkdir(parents=True, exist_ok=True)
    (folder / "proc").mkdir(exist_ok=True)
    clock = FakeClock()
    tools = Tools(ScriptedCommands(), clock, clock.monotonic() + 60)
    guest = Guest(folder / "root")
    return Place(guest=guest, tools=tools, live=live, proc=folder / "proc", sys=folder / "sys")


def _kernel(folder: Path, name: str, text: str) -> None:
    path = folder / "proc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_listening_sockets_are_named_with_their_programs(tmp_path: Path) -> None:
    place = _place(tmp_path, {})
    _kernel(tmp_path, "net/tcp", TCP)
    _kernel(tmp_path, "net/udp", UDP)
    _kernel(tmp_path, "100/comm", "sshd\n")
    (tmp_path / "proc/100/fd").mkdir()
    (tmp_path / "proc/100/fd/3").symlink_to("socket:[4711]")
    assert network.listening(place) == {
        "tcp *:22": "sshd",
        "tcp loopback:5432": "",
        "udp 10.0.0.10:123": "",
    }


def test_routes_are_those_by_a_gateway(tmp_path: Path) -> None:
    place = _place(tmp_path, {})
    _kernel(tmp_path, "net/route", ROUTE)
    assert network.routes(place) == {
        "default": "via 10.0.0.1",
        "192.168.0.0/16": "via 10.0.0.2",
    }


def test_units_and_scripts_that_start_at_boot(tmp_path: Path) -> None:
    wants = "/etc/systemd/system/multi-user.target.wants"
    systemd = _place(tmp_path / "a", {f"{wants}/nginx.service": "", "/etc/rc3.d/S20nginx": ""})
    assert services.enabled(systemd) == {"nginx.service": "multi-user.target.wants"}
    sysv = _place(tmp_path / "b", {"/etc/rc3.d/S20nginx": "", "/etc/rc5.d/S20nginx": ""})
    assert services.enabled(sysv) == {"nginx": "rc3.d rc5.d"}
    openrc = _place(tmp_path / "c", {"/etc/runlevels/default/sshd": ""})
    assert services.enabled(openrc) == {"sshd": "default"}


def test_users_and_groups_are_told_without_passwords(tmp_path: Path) -> None:
    files = {
        "/etc/passwd": "root:SECRET:0:0:root:/root:/bin/bash\nbroken line\n",
        "/etc/group": "adm:SECRET:4:syslog,alice\n",
    }
    place = _place(tmp_path, files)
    assert accounts.users(place) == {"root": "0 0 /root /bin/bash"}
    assert accounts.groups(place) == {"adm": "4 alice,syslog"}


def test_a_schedule_is_known_by_its_content(tmp_path: Path) -> None:
    place = _place(tmp_path, {"/var/spool/cron/crontabs/alice": "@daily backup\n"})
    (path,) = accounts.schedules(place)
    assert path == "/var/spool/cron/crontabs/alice"


@pytest.mark.parametrize(
    ("files", "installed"),
    [
        (
            {
                "/var/lib/dpkg/status": "Package: bash\nStatus: install ok installed\n"
                "Architecture: amd64\nVersion: 5.2-1\n\nPackage: old\nStatus: deinstall ok"
                " config-files\nArchitecture: all\nVersion: 1\n"
            },
            {"bash:amd64": "5.2-1"},
        ),
        ({"/lib/apk/db/installed": "P:musl\nV:1.2.4-r2\nA:x86_64\n\n"}, {"musl": "1.2.4-r2"}),
        (
            {"/var/lib/pacman/local/bash-5/desc": "%NAME%\nbash\n\n%VERSION%\n5.2-1\n"},
            {"bash": "5.2-1"},
        ),
    ],
    ids=["dpkg", "apk", "pacman"],
)
def test_packages_are_read_from_the_databases_themselves(
    tmp_path: Path, files: dict[str, str], installed: dict[str, str]
) -> None:
    assert packages.installed(_place(tmp_path, files, live=False)) == installed


def test_a_half_installed_package_is_told(tmp_path: Path) -> None:
    status = "Package: a\nStatus: install ok half-configured\nArchitecture: all\nVersion: 1\n"
    place = _place(tmp_path, {"/var/lib/dpkg/status": status})
    assert packages.broken(place) == {"a:all": "install ok half-configured"}


def test_without_a_database_the_section_is_unknown_and_hides_no_other(tmp_path: Path) -> None:
    seen = of_place(_place(tmp_path, {"/etc/passwd": "a:x:1:1:::/bin/sh\n"}, live=False), 5.0)
    assert "package database" in seen.unknown[Section.PACKAGES]
    assert seen.unknown[Section.MOUNTS] == "the system was not running"
    assert seen.sections[Section.USERS] == {"a": "1 1  /bin/sh"}


def test_identity_is_what_stays_the_same(tmp_path: Path) -> None:
    place = _place(
        tmp_path,
        {
            "/etc/hostname": "old\n",
            "/etc/machine-id": "m\n",
            "/etc/os-release": 'PRETTY_NAME="D"\n',
        },
    )
    _kernel(tmp_path, "sys/kernel/hostname", "web01\n")
    _kernel(tmp_path, "sys/kernel/osrelease", "6.1.0\n")
    found = system.identity(place)
    assert found["host name"] == "web01"
    assert (found["kernel"], found["distribution"], found["SELinux"]) == ("6.1.0", "D", "off")
