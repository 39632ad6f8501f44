# SPDX-License-Identifier: Apache-2.0
"""The original tool's flags and its progress file."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.cli.go2aliyun import _OVERRIDES, _parser, _progress_file
from hostlift.errors import HostliftError
from hostlift.events import Progress, StepFinished, StepStarted


@pytest.mark.parametrize("spelling", ["--accesssid", "--accessid"])
def test_both_spellings_of_the_access_id_are_taken(spelling: str) -> None:
    """The documented one has three s's; its successor has two."""
    assert _parser().parse_args([f"{spelling}=AK"]).accessid == "AK"


def test_every_documented_flag_is_known() -> None:
    """A script written for the original must not end in a usage error."""
    line = (
        "--verbose --nocheckversion --noenterkey --progressfile=/tmp/p --secretkey=S"
        " --regionid=cn-hangzhou --imagename=web --systemdisksize=40 --platform=CentOS"
        " --architecture=x86_64 --bandwidthlimit=0 --datadisks=1|100|/data --netmode=0"
        " --vpcid=vpc-1 --vswitchid=vsw-1 --zoneid=cn-hangzhou-b --securegroupid=sg-1"
    )
    given = _parser().parse_args(line.split())
    assert all(getattr(given, flag) is not None for flag in _OVERRIDES if flag != "accessid")


def test_the_progress_file_has_two_lines(tmp_path: Path) -> None:
    """Stage, then percent of the stage."""
    path = tmp_path / "progress"
    with _progress_file(path) as report:
        report(StepStarted("replicate", "Replicate"))
        assert path.read_text() == "DoRsync\n0\n"
        report(Progress("replicate", "copying", 30, 120))
        assert path.read_text() == "DoRsync\n25\n"
        report(StepFinished("capture", 1.0))
        assert path.read_text() == "CreateImage\n100\n"
        report(StepStarted("finished", ""))
        assert path.read_text() == "Finished\n100\n"


def test_a_progress_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The message has the flag and the remedy."""
    with (
        pytest.raises(HostliftError, match="--progressfile="),
        _progress_file(tmp_path / "none" / "p") as report,
    ):
        report(StepStarted("plan", "Plan"))
