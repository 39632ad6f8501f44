# SPDX-License-Identifier: Apache-2.0
"""What differs between a source and its booted copy, and which of it had to."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from hostlift.errors import StateError
from hostlift.model.adaptation import Edit, EditKind
from hostlift.model.baseline import Baseline, Section, Verdict
from hostlift.model.receipt import Receipt, VolumeReceipt
from hostlift.verify import signoff, signpage
from hostlift.verify.receipt import Signed

GIB = 1 << 30
RO = "ro root=UUID=5a0b quiet"
CLOUD = "net.ifnames=0 biosdevname=0 console=tty0 console=ttyS0,115200n8"
ARGUMENTS = {"kernel arguments": f"{RO} BOOT_IMAGE=/vmlinuz resume=/dev/sda2 rd.lvm.lv=old/swap"}


def _seen(**sections: dict[str, str]) -> Baseline:
    return Baseline(
        hostname="web01",
        taken_at=1_800_000_000.0,
        sections={Section(name.replace("_", "-")): facts for name, facts in sections.items()},
        unknown={},
    )


def _verdict(section: str, before: dict[str, str], now: dict[str, str], *edited: str) -> Verdict:
    was, is_now = _seen(**{section: before}), _seen(**{section: now})
    lines = signoff.compare(was, is_now, edited=frozenset(edited))
    return next(line.verdict for line in lines if line.section is Section(section))


def test_the_same_server_is_the_same() -> None:
    seen = _seen(users={"root": "0"}, mounts={"/": "ext4"})
    lines = signoff.compare(seen, seen)
    assert signpage.good(lines)
    assert all(line.differences == () for line in lines)


@pytest.mark.parametrize(
    ("section", "before", "now", "verdict"),
    [
        ("system", {"kernel": "6.1"}, {"kernel": "6.2"}, Verdict.DIFFERS),
        ("system", ARGUMENTS, {"kernel arguments": "ro root=/dev/vda1 quiet"}, Verdict.EXPECTED),
        ("system", ARGUMENTS, {"kernel arguments": f"{RO} {CLOUD}"}, Verdict.EXPECTED),
        ("system", ARGUMENTS, {"kernel arguments": f"{RO} selinux=0"}, Verdict.DIFFERS),
        ("system", ARGUMENTS, {"kernel arguments": "ro root=/dev/sda1"}, Verdict.DIFFERS),
        ("system", {}, {"kernel arguments": "ro"}, Verdict.EXPECTED),
        ("mounts", {"/data": "ext4"}, {}, Verdict.DIFFERS),
        ("mounts", {"/": "ext4"}, {"/": "ext4", "/boot/efi": "vfat"}, Verdict.EXPECTED),
        ("sizes", {"/": f"{8 * GIB} {GIB}"}, {"/": f"{40 * GIB} {GIB}"}, Verdict.EXPECTED),
        ("sizes", {"/": f"{8 * GIB} {4 * GIB}"}, {"/": f"{8 * GIB} {GIB}"}, Verdict.DIFFERS),
        ("swap", {"all areas": "1000"}, {}, Verdict.DIFFERS),
        ("swap", {"all areas": "1000"}, {"all areas": "2000"}, Verdict.EXPECTED),
        ("listening", {"tcp *:80": "nginx"}, {}, Verdict.DIFFERS),
        ("listening", {"tcp *:80": "nginx"}, {"tcp *:80": "apache2"}, Verdict.DIFFERS),
        ("listening", {"udp 10.0.0.5:123": "ntpd"}, {}, Verdict.EXPECTED),
        ("enabled", {"nginx.service": "m"}, {}, Verdict.DIFFERS),
        ("failed", {}, {"nginx.service": "failed"}, Verdict.DIFFERS),
        ("failed", {"nginx.service": "failed"}, {}, Verdict.EXPECTED),
        ("users", {}, {"intruder": "0 0 / /bin/sh"}, Verdict.DIFFERS),
        ("addresses", {"eth0": "10.0.0.5/24"}, {"eth0": "172.31.86.1/24"}, Verdict.EXPECTED),
        ("routes", {"default": "via 10.0.0.1"}, {"default": "via 172.31.86.253"}, Verdict.EXPECTED),
        ("routes", {"default": "via 10.0.0.1"}, {}, Verdict.DIFFERS),
        ("routes", {"192.168.0.0/16": "via 10.0.0.2"}, {}, Verdict.DIFFERS),
        ("time", {"kept by": "chronyd"}, {"kept by": "nothing"}, Verdict.DIFFERS),
        ("packages", {"bash": "5"}, {}, Verdict.DIFFERS),
        ("package-database", {}, {"a": "half-configured"}, Verdict.DIFFERS),
    ],
)
def test_each_section_has_its_rule(
    section: str, before: dict[str, str], now: dict[str, str], verdict: Verdict
) -> None:
    assert _verdict(section, before, now) is verdict


def test_what_the_adaptation_changed_is_expected() -> None:
    """A masked agent of the old cloud is not started any more."""
    edit = "/etc/systemd/system/open-vm-tools.service"
    before = {"open-vm-tools.service": "multi-user.target.wants"}
    assert _verdict("enabled", before, {}) is Verdict.DIFFERS
    assert _verdict("enabled", before, {}, edit) is Verdict.EXPECTED


def test_an_edited_file_excuses_nobody_of_the_same_name() -> None:
    """A user called like a file that was edited is a stranger all the same."""
    assert _verdict("users", {}, {"grub": "0 0 / /bin/sh"}, "/etc/default/grub") is Verdict.DIFFERS


def test_what_could_not_be_read_is_said_and_does_not_fail() -> None:
    before = _seen(users={})
    now = Baseline(
        hostname="web01", taken_at=0, sections={}, unknown={Section.FAILED: "no systemctl"}
    )
    lines = signoff.compare(before, now)
    assert signpage.good(lines)
    assert any("not compared: no systemctl" in text for text in signpage.text(before, now, lines))


def test_the_page_escapes_what_servers_name_and_needs_nothing_else() -> None:
    before = _seen(users={"<script>alert(1)</script>": "0"})
    lines = signoff.compare(before, _seen(users={}))
    page = signpage.html(before, before, lines, signed=_signed("m-<1>"))
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not {name for name, _ in attrs} & {"src", "href"}

    Tags().feed(page)
    assert "script" not in tags
    assert "Signature" in page
    assert "m-&lt;1&gt;" in page
    assert "/etc/&lt;hosts&gt;: why" in page


def test_the_receipt_and_every_edit_are_told_before_the_verdict() -> None:
    seen = _seen(users={"root": "0"})
    told = list(signpage.text(seen, seen, signoff.compare(seen, seen), signed=_signed("m-1")))
    assert told[-1] == "OK"
    assert any("migration m-1" in t and "7 objects, equal" in t for t in told)
    assert "    changed /etc/<hosts>: why" in told


def _signed(migration: str) -> Signed:
    volume = VolumeReceipt(
        volume="disk0p1", mount_point="/", entries=7, bytes=1, source_root="a", target_root="a"
    )
    edit = Edit(adaptation="hosts", kind=EditKind.CHANGED, path="/etc/<hosts>", why="why")
    receipt = Receipt(
        migration=migration,
        hostname="web01",
        made_at="2026-01-01T00:00:00+00:00",
        volumes=(volume,),
        differences=(),
        edits=(edit,),
    )
    return Signed(receipt, "ab" * 32)


def test_a_baseline_survives_its_file(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    seen = _seen(users={"root": "0"})
    file.write_text(signoff.as_json(seen))
    assert signoff.read(file) == seen


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 99}'])
def test_what_is_no_baseline_is_refused_with_a_remedy(tmp_path: Path, text: str) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(StateError, match=r"b\.json"):
        signoff.read(file)
