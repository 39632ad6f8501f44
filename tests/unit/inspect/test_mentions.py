# SPDX-License-Identifier: Apache-2.0
"""Which files name the old network, and how the plan tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builders import a_machine

from hostlift.inspect.checks.addresses import NAMED_ID, run
from hostlift.inspect.checks.context import CheckContext
from hostlift.inspect.guest import Guest
from hostlift.inspect.mentions import MOST_BYTES, MOST_FOUND, mentions
from hostlift.model.machine import Interface
from hostlift.plan.promise import promise
from hostlift.settings.user_config import Settings

OWN = (Interface(name="ens192", mac="00:50:56:01:02:03", addresses=("10.1.2.3/24",)),)


def _root(folder: Path, files: dict[str, bytes]) -> Guest:
    for name, data in files.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Guest(folder)


def test_lines_that_name_an_address_or_interface_are_found(tmp_path: Path) -> None:
    guest = _root(
        tmp_path,
        {
            "/etc/nginx/nginx.conf": b"server {\n  listen 10.1.2.3:80;\n}\n",
            "/etc/app/other": b"10.1.2.33\n",
            "/opt/shop/conf/db.ini": b"bind = ens192\n",
            "/etc/binary": b"10.1.2.3\0",
            "/etc/huge": b"10.1.2.3\n" * MOST_BYTES,
            "/var/lib/data": b"10.1.2.3\n",
        },
    )
    (tmp_path / "etc/link").symlink_to("/etc/nginx/nginx.conf")
    found = mentions(guest, OWN)
    assert [(m.path, m.line, m.names) for m in found] == [
        ("/etc/nginx/nginx.conf", 2, ("10.1.2.3",)),
        ("/opt/shop/conf/db.ini", 1, ("ens192",)),
    ]


def test_reading_ends_however_much_there_is(tmp_path: Path) -> None:
    guest = _root(tmp_path, {"/etc/long": b"10.1.2.3\n" * 2000})
    assert len(mentions(guest, OWN)) == MOST_FOUND


def test_a_machine_without_a_network_is_not_searched(tmp_path: Path) -> None:
    assert mentions(_root(tmp_path, {"/etc/x": b"10.1.2.3\n"}), ()) == ()


def test_the_plan_says_what_changes_and_quotes_the_lines(tmp_path: Path) -> None:
    found = mentions(_root(tmp_path, {"/etc/x": b"a\nip 10.1.2.3\n"}), OWN)
    told = promise(replace(a_machine(), interfaces=OWN, mentions=found))
    assert told == (
        f"ens192 ({OWN[0].mac}) has 10.1.2.3/24: the copy's first interface gets another address, by DHCP",
        "/etc/x names 10.1.2.3 (line 2: ip 10.1.2.3)",
    )


def test_the_check_names_only_files_that_nobody_mends(tmp_path: Path) -> None:
    files = {"/etc/x": b"10.1.2.3\n", "/etc/network/interfaces": b"iface ens192 inet dhcp\n"}
    found = mentions(_root(tmp_path, files), OWN)
    machine = replace(a_machine(), root=str(tmp_path), interfaces=OWN, mentions=found)
    context = CheckContext(settings=Settings(), workspace=tmp_path)
    (named,) = [f for f in run(machine, context) if f.check == NAMED_ID]
    assert "1 files" in named.evidence
    assert "/etc/x" in named.evidence
