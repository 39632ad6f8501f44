# SPDX-License-Identifier: Apache-2.0
"""The boot beacon, run by real shells on this machine: what it says is what a baseline sees."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_plan
from fakes.clock import FakeClock

from hostlift.adapt.linux.templates import template
from hostlift.host.command import SystemCommands
from hostlift.inspect.facts.collect import take
from hostlift.model.baseline import Section
from hostlift.verify.boot import judge, read_beacon

TOKEN = "t0ken"
CONSOLE = """\
console=/dev/console
[ -c /dev/ttyS0 ] && : >/dev/ttyS0 2>/dev/null && console=/dev/ttyS0
"""
SHELLS = [line for line in (["dash"], ["bash", "--posix"]) if shutil.which(line[0])]


def said(folder: Path, shell: list[str]) -> dict[str, str]:
    """Run it with a file as its console and for inittab; its facts."""
    files = [folder / name for name in ("hostlift-beacon.sh", "hostlift-beacon.conf")]
    text = template("beacon.sh").decode()
    assert CONSOLE in text
    text = text.replace(CONSOLE, f"console={folder / 'console'}\n")
    text = text.replace("inittab=/etc/inittab", f"inittab={folder / 'inittab'}")
    text = text.replace("@TOKEN@", TOKEN).replace("@FILES@", " ".join(map(str, files)))
    files[0].write_text(text)
    files[1].write_text("")
    (folder / "inittab").write_text("id:3:initdefault:\nhl:2345:once:/bin/sh hostlift-beacon.sh\n")
    done = SystemCommands().run([*shell, str(files[0])], timeout=150)
    assert done.stderr == b""
    assert not [file for file in files if file.exists()]
    assert (folder / "inittab").read_text() == "id:3:initdefault:\n"
    facts = read_beacon((folder / "console").read_text(), TOKEN)
    assert facts is not None
    return facts


@pytest.mark.parametrize("shell", SHELLS, ids=lambda line: line[0])
def test_the_beacon_counts_what_a_baseline_lists(tmp_path: Path, shell: list[str]) -> None:
    """Users, packages, the way out; it removes itself, and its line from inittab only."""
    facts = said(tmp_path, shell)
    seen = take(Path("/"), commands=SystemCommands(), clock=FakeClock(0))
    here = replace(a_plan(), hostname=seen.hostname, volumes=(), listening=())
    assert judge({**facts, "failed": ""}, here, seen) == []
    assert int(facts["users"]) >= 1
    if Section.PACKAGES in seen.sections:
        assert int(facts["packages"]) == len(seen.sections[Section.PACKAGES])
    ways = seen.sections[Section.ROUTES]
    assert facts["route"].split(" ")[0] == ways.get("default", "").removeprefix("via ")
    assert facts["kernel"] == seen.sections[Section.SYSTEM]["kernel"]
