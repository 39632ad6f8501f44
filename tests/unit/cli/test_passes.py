# SPDX-License-Identifier: Apache-2.0
"""The verbs for a source that serves: flags, texts, and the limit that changes a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hostlift.cli import texts
from hostlift.cli.main import app
from hostlift.cli.options import CUTOVER, HERE, Folder, Wishes, with_wishes
from hostlift.flow.results import Pass
from hostlift.service.jobs import Synced
from hostlift.service.progress import Activity
from hostlift.service.standing import Status

RUNNER = CliRunner()


def taken(*line: str) -> Mapping[str, object]:
    """The settings that a command line overrides."""
    found: list[Wishes] = []

    def verb(folder: Folder = HERE, *, wishes: Wishes) -> None:
        """A verb."""
        found.append(wishes)

    small = typer.Typer()
    small.command()(with_wishes(CUTOVER)(verb))
    done = RUNNER.invoke(small, line)
    assert done.exit_code == 0, done.output
    return {key: value for key, value in found[0].items() if value is not None}


def test_flags_override_settings_by_their_keys() -> None:
    """Zero is a wish too: no limit."""
    assert taken() == {}
    line = "--bandwidth-limit 0 --window 22:00-06:00 --streams 4 --compress-level 3"
    assert taken(
        *line.split(), "--source-cpu-limit", "50", "--hold", "12", "--keep-rehearsals"
    ) == {
        "bandwidth_limit": 0,
        "bandwidth_window": "22:00-06:00",
        "streams": 4,
        "compress_level": 3,
        "source_cpu_limit": 50,
        "hold_hours": 12,
        "keep_rehearsals": True,
    }


@pytest.mark.parametrize("verb", ["migrate", "sync", "cutover"])
def test_a_wrong_wish_is_a_usage_error(tmp_path: Path, verb: str) -> None:
    """Judged by the rules of the settings; nothing was made."""
    (tmp_path / "user_config.json").write_text("{}")
    done = RUNNER.invoke(app, [verb, "--folder", str(tmp_path), "--window", "late"])
    assert done.exit_code == 2
    assert "bandwidth_window" in done.output
    assert not (tmp_path / "client_data.db").exists()


def test_an_interval_needs_its_unit() -> None:
    """``--every 15`` could be anything."""
    done = RUNNER.invoke(app, ["sync", "--every", "15"])
    assert done.exit_code == 2
    assert "15m" in done.output


def test_a_limit_is_written_into_the_file_as_it_is(tmp_path: Path) -> None:
    """Mode and everything else stay."""
    file = tmp_path / "user_config.json"
    file.write_text('{"region_id": "cn-hangzhou",\n "bandwidth_limit": 5}\n')
    file.chmod(0o640)
    done = RUNNER.invoke(app, ["limit", "700", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert file.read_text() == '{"region_id": "cn-hangzhou",\n "bandwidth_limit": 700}\n'
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_limit_without_a_file_says_what_to_do(tmp_path: Path) -> None:
    """No file is made up."""
    done = RUNNER.invoke(app, ["limit", "700", "--folder", str(tmp_path)])
    assert done.exit_code == 2
    assert "hostlift init" in done.output
    assert not (tmp_path / "user_config.json").exists()


def test_status_without_a_migration_ends_with_what_to_do(tmp_path: Path) -> None:
    """Watching it too."""
    for flags in ([], ["--watch"]):
        done = RUNNER.invoke(app, ["status", *flags, "--folder", str(tmp_path)])
        assert done.exit_code == 2
        assert "holds no migration" in done.output


def test_a_sync_tells_its_passes_and_how_long_the_instance_lives() -> None:
    """The date is what a person plans by."""
    one = Pass(files=7, deleted=1, bytes_read=2048, bytes_sent=1024, seconds=1.5, started=1.0)
    synced = Synced(
        instance="i-1",
        passes=(one,),
        forecast=None,
        forecast_lines=("freeze at cutover now: about 0.8 s + 3.0 s of data",),
        lives_until=1_800_000_000.0,
    )
    told = "\n".join(texts.sync_lines(synced))
    assert "7 objects, 1 deleted, 2.0 KiB read" in told
    assert "0.8 s + 3.0 s" in told
    assert "2027-01-15 08:00 UTC" in told


def a_status(*, running: bool) -> Status:
    """A migration in the middle of a pass."""
    data = json.loads("""{
        "migration": "m-1", "status": "Not Finished", "steps": ["inspect"], "step": "replicate",
        "failure": "", "image_id": "", "transition": {"instance": {"instance_id": "i-1"}},
        "sync": {"passes": 1, "lives_until": "2027-01-15T08:00:00+00:00", "rehearsals": [
            {"image_id": "m-9", "image_name": "web-rehearsal-1", "snapshot_ids": []}]}
    }""")
    activity = Activity(
        step="replicate", label="files", done=1 << 30, total=3 << 30, unit="bytes", rate=1 << 20
    )
    return Status(
        data=data,
        results=None,  # type: ignore[arg-type]
        age=3.0,
        running=running,
        activity=activity if running else None,
        forecast=None,
        forecast_lines=("freeze at cutover now: …",),
    )


def test_status_tells_rate_time_left_and_forecast() -> None:
    """What a person waiting wants to know."""
    told = "\n".join(texts.status_lines(a_status(running=True)))
    assert "files: 1.0 GiB of 3.0 GiB, 1.0 MiB/s, 34 min 8 s left" in told
    assert "running    replicate" in told
    assert "forecast   freeze at cutover now" in told
    assert "lives      until 2027-01-15T08:00:00+00:00" in told
    assert "web-rehearsal-1" in told


def test_status_of_a_dead_process_says_that_it_stopped() -> None:
    """A step in the journal does not mean that somebody works on it."""
    told = "\n".join(texts.status_lines(a_status(running=False)))
    assert "stopped in replicate" in told
    assert "running" not in told


def test_thaw_without_anything_held_says_so(tmp_path: Path) -> None:
    """It may be run to be sure."""
    done = RUNNER.invoke(app, ["thaw", "--folder", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, "nothing is held\n")
