# SPDX-License-Identifier: Apache-2.0
"""Reading a serial console as it really looks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_plan
from hypothesis import given
from hypothesis import strategies as st

from hostlift.model.baseline import Baseline, Section
from hostlift.verify.boot import judge, panic, read_beacon

TOKEN = "1f0a9c33d2"
BEACON = (
    f"hostlift-beacon {TOKEN} begin\r\n"
    f"hostlift-beacon {TOKEN} hostname=web01\r\n"
    f"hostlift-beacon {TOKEN} mounts=/ /boot /data\r\n"
    f"hostlift-beacon {TOKEN} failed=\r\n"
    f"hostlift-beacon {TOKEN} listening=22 80\r\n"
    f"hostlift-beacon {TOKEN} end\r\n"
)
FACTS = {"hostname": "web01", "mounts": "/ /boot /data", "failed": "", "listening": "22 80"}


def test_a_beacon_is_read() -> None:
    """Between whatever the boot prints."""
    console = "[    0.000000] Linux version 6.1\r\n" + BEACON + "\r\nweb01 login: "
    assert read_beacon(console, TOKEN) == FACTS


def test_kernel_lines_between_and_inside_do_no_harm() -> None:
    """printk writes when it likes; colours and carriage returns come from systemd."""
    noisy = BEACON.replace("\r\n", "\r\n[   12.345678] virtio_net: link is up\r\n")
    noisy = noisy.replace("hostname=web01", "hostname=web01[   13.000001] IPv6: up\r\n")
    noisy = noisy.replace("hostlift-b", "\x1b[0;32m[  OK  ]\x1b[0m \x1b[1mhostlift-b")
    assert read_beacon(noisy, TOKEN) == FACTS


def test_a_kernel_line_that_cuts_one_in_two_does_no_harm() -> None:
    """Not even inside the token: both halves belong together."""
    for at in range(0, len(BEACON), 7):
        cut = BEACON[:at] + "[    9.000001] random: crng init done\r\n" + BEACON[at:]
        assert read_beacon(cut, TOKEN) == FACTS


def test_repeated_keys_are_lists() -> None:
    """As the copy's script says mounts, failed units and ports: one to a line."""
    lines = ("begin", "hostname=web01", "mounts=/", "mounts=/data", "listening=22", "end")
    console = "".join(f"\r\nhostlift-beacon {TOKEN} {line}\r\n" for line in lines)
    facts = read_beacon(console, TOKEN)
    assert facts == {"hostname": "web01", "mounts": "/ /data", "listening": "22"}


@pytest.mark.parametrize("cut", range(5, len(BEACON) - 6, 23))
def test_an_unfinished_beacon_is_none(cut: int) -> None:
    """The console is read while it is written."""
    assert read_beacon(BEACON[:cut], TOKEN) is None


def test_the_last_complete_boot_counts() -> None:
    """An instance may boot twice, the second time not to its end."""
    second = BEACON.replace("web01", "web02")
    assert read_beacon(BEACON + second + BEACON[:60], TOKEN) == {**FACTS, "hostname": "web02"}


def test_beacons_of_others_and_command_lines_are_not_ours() -> None:
    """Another migration's token, or ours as a kernel argument, is no beacon."""
    assert read_beacon(BEACON.replace(TOKEN, "ffff"), TOKEN) is None
    assert read_beacon(f"Command line: root=UUID=x hostlift.beacon={TOKEN} begin\n", TOKEN) is None
    assert read_beacon(BEACON, "") is None


@given(st.text(), st.text())
def test_no_console_breaks_the_reader(before: str, after: str) -> None:
    """Serial lines carry anything."""
    assert read_beacon(before + "\n" + BEACON + after, TOKEN) is not None
    assert isinstance(panic(before + after), str)


def test_a_copy_like_its_source_has_no_problems() -> None:
    """Full and short host names are the same host."""
    assert judge({**FACTS, "hostname": "web01.example.org"}, a_plan()) == []


def test_each_lack_is_a_sentence() -> None:
    """Name, mounts, units and ports."""
    facts = {
        "hostname": "localhost",
        "mounts": "/,/boot",
        "failed": "nginx.service x.mount",
        "listening": "0.0.0.0:22",
    }
    assert judge(facts, a_plan()) == [
        "the host name is localhost, it was web01",
        "/data is not mounted",
        "the unit nginx.service failed",
        "the unit x.mount failed",
        "nothing listens on port 80",
    ]


def a_baseline(**sections: dict[str, str]) -> Baseline:
    return Baseline(
        hostname="web01",
        taken_at=0.0,
        sections={Section(name): facts for name, facts in sections.items()},
        unknown={},
    )


USERS = {
    "root": "0 0 /root /bin/bash",
    "daemon": "1 1 /usr/sbin /usr/sbin/nologin",
    "sync": "4 65534 /bin /bin/sync",
    "plain": "1000 1000 /home/my plain ",
    "odd": "1001 1001 /home/odd nologin",
}
SOURCE = a_baseline(
    users=USERS,
    packages={"a:amd64": "1", "b:all": "2"},
    routes={"default": "via 192.0.2.1"},
    failed={"old.service": "failed"},
)


def test_counts_and_the_way_out_are_those_of_the_source() -> None:
    """The gateway changes; a unit that had failed already is no news; an empty shell is a shell."""
    facts = {**FACTS, "users": "3", "packages": "2", "route": "10.0.0.1 eth0"}
    assert judge({**facts, "failed": "old.service"}, a_plan(), SOURCE) == []
    assert judge({**facts, "failed": "old.service new.service"}, a_plan(), SOURCE) == [
        "the unit new.service failed"
    ]
    assert judge({**facts, "users": "2", "packages": "0", "route": ""}, a_plan(), SOURCE) == [
        "there are 2 users with a login shell, there were 3",
        "there are 0 installed packages, there were 2",
        "there is no default route",
    ]


def test_what_one_side_does_not_know_is_not_compared() -> None:
    """An older beacon, a source that did not run, a server without a way out."""
    facts = {**FACTS, "users": "9", "packages": "9", "route": ""}
    assert judge(facts, a_plan(), a_baseline()) == judge(facts, a_plan()) == []
    assert judge(FACTS, a_plan(), SOURCE) == []


def test_a_mount_point_with_a_blank_is_one_word() -> None:
    """The beacon repeats what /proc/mounts says, escapes and all."""
    plan = a_plan()
    odd = replace(plan, volumes=(replace(plan.volumes[0], mount_point="/my data"),))
    assert judge({**FACTS, "mounts": "/my\\040data"}, odd) == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
            "virtio",
        ),
        ("Kernel panic - not syncing: Attempted to kill init!", "gave up"),
        ("ALERT!  UUID=1-2 does not exist.  Dropping to a shell!", "root file system"),
        ("You are in emergency mode. After logging in,", "fstab"),
        ("grub rescue> ", "GRUB does not find"),
        ("grub> ", "no configuration"),
        ("No bootable device.", "no boot loader"),
        ("Booting from Hard Disk...\nBoot failed: not a bootable disk", "no boot loader"),
        ("\x1b[1;31mdracut-initqueue[1]: Warning: dracut-initqueue timeout", "dracut"),
    ],
)
def test_an_end_before_the_beacon_is_named_and_explained(line: str, word: str) -> None:
    """What it means, and the line itself."""
    said = panic(f"SeaBIOS\r\n{line}\r\n")
    assert word in said
    assert "console: " in said


def test_a_boot_under_way_is_no_panic() -> None:
    """Silence so far is not an end."""
    assert panic("SeaBIOS\r\nBooting from Hard Disk...\r\nGRUB loading.\r\nWelcome to GRUB!") == ""
