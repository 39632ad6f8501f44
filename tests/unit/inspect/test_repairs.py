# SPDX-License-Identifier: Apache-2.0
"""What is put right on the source: only what is safe, said before, and taken back by what is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_machine
from fakes.commands import ScriptedCommands

from hostlift.errors import CommandFailed
from hostlift.formats import cpio
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


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ("dracut", "update-initramfs -u -k 5.14.0"),
        ("update-initramfs", "dracut --force --kver 5.14.0"),
    ],
)
def test_a_damaged_initramfs_is_made_anew(tmp_path: Path, missing: str, line: str) -> None:
    """A full /boot leaves such images; one that can be read stays."""
    for release, content in (("5.14.0", b"torn"), ("5.15.0", cpio.write([]))):
        (tmp_path / f"lib/modules/{release}").mkdir(parents=True)
        (tmp_path / f"lib/modules/{release}/modules.dep").write_text("kernel/a.ko:\n")
        (tmp_path / "boot").mkdir(exist_ok=True)
        (tmp_path / f"boot/initrd-{release}").write_bytes(content)
    kernels = [Kernel(release=r, initramfs=f"/boot/initrd-{r}") for r in ("5.14.0", "5.15.0")]
    machine = replace(a_machine(), root=str(tmp_path), kernels=tuple(kernels))
    commands = ScriptedCommands({line: ""}, missing=[missing])
    (one,) = repairs(
        machine, [_bad("GUESTOS.KernelVersion")], config=tmp_path / "x", commands=commands
    )
    assert "damaged initramfs of 5.14.0" in one.what
    one.do()
    assert commands.lines == [line]


def test_a_repair_that_fails_says_so(tmp_path: Path) -> None:
    commands = ScriptedCommands({"chronyc": 1})
    (one,) = repairs(
        a_machine(), [_bad("hostlift.Clock")], config=tmp_path / "x", commands=commands
    )
    with pytest.raises(CommandFailed):
        one.do()
