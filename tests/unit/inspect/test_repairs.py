# SPDX-License-Identifier: Apache-2.0
"""What is put right on the source: only what is safe, said before, and taken back by what is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_machine
from fakes.commands import ScriptedCommands

from hostlift.errors import CommandFailed
from hostlift.inspect.repairs import repairs
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Kernel


def _bad(check: str) -> Finding:
    return Finding(check=check, severity=Severity.BLOCKER, title="t")


def test_a_configuration_that_others_can_read_is_closed(tmp_path: Path) -> None:
    config = tmp_path / "user_config.json"
    config.write_text("{}")
    config.chmod(0o644)
    (one,) = repairs(a_machine(), (), config=config, commands=ScriptedCommands())
    assert one.undo == f"chmod 644 {config}"
    one.do()
    assert config.stat().st_mode & 0o777 == 0o600
    assert list(repairs(a_machine(), (), config=config, commands=ScriptedCommands())) == []


def test_nothing_is_offered_where_nothing_is_wrong(tmp_path: Path) -> None:
    nothing = tmp_path / "none"
    assert list(repairs(a_machine(), (), config=nothing, commands=ScriptedCommands())) == []


def test_a_system_that_does_not_run_is_left_alone(tmp_path: Path) -> None:
    machine = replace(a_machine(), live=False, kernels=(Kernel(release="6.1"),))
    bad = (_bad("hostlift.Clock"), _bad("GUESTOS.KernelVersion"))
    assert list(repairs(machine, bad, config=tmp_path / "x", commands=ScriptedCommands())) == []


def test_the_clock_is_set_by_the_program_that_is_there(tmp_path: Path) -> None:
    commands = ScriptedCommands({"timedatectl set-ntp true": ""}, missing=["chronyc"])
    (one,) = repairs(
        a_machine(), [_bad("hostlift.Clock")], config=tmp_path / "x", commands=commands
    )
    one.do()
    assert commands.lines == ["timedatectl set-ntp true"]


def test_a_missing_initramfs_is_made_by_the_tool_of_the_system(tmp_path: Path) -> None:
    commands = ScriptedCommands({"dracut --kver 5.14.0": ""}, missing=["update-initramfs"])
    machine = replace(a_machine(), kernels=(Kernel(release="5.14.0"),))
    (one,) = repairs(
        machine, [_bad("GUESTOS.KernelVersion")], config=tmp_path / "x", commands=commands
    )
    one.do()
    assert commands.lines == ["dracut --kver 5.14.0"]
    assert one.undo == "rm /boot/initramfs-5.14.0*"


def test_a_repair_that_fails_says_so(tmp_path: Path) -> None:
    commands = ScriptedCommands({"chronyc": 1})
    (one,) = repairs(
        a_machine(), [_bad("hostlift.Clock")], config=tmp_path / "x", commands=commands
    )
    with pytest.raises(CommandFailed):
        one.do()
