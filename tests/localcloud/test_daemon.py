# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import signal
import stat
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from fakes.sdk import Sdk, until

from hostlift.errors import ConfigError, HostliftError, StateError
from hostlift.host.clock import SystemClock
from hostlift.localcloud import daemon
from hostlift.localcloud.linux.processes import Mark
from hostlift.localcloud.serving.server import listen

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of a cloud that is down at the end, whatever happens."""
    place = tmp_path / "cloud"
    yield place
    if place.exists():
        daemon.reset(place)


def _sdk(info: daemon.CloudInfo) -> Sdk:
    return Sdk(
        None,
        info.endpoint.removeprefix("http://"),
        access_key_id=info.access_key_id,
        access_key_secret=info.access_key_secret,
    )


def test_state_and_key_survive_down_and_up(folder: Path) -> None:
    """The same account, what it holds, a key only its owner reads; nothing after reset."""
    info = daemon.up(folder, "paper")
    vpc = _sdk(info).vpc("CreateVpc", RegionId="cn-hangzhou")["VpcId"]
    assert daemon.up(folder, "paper") == info
    mode = stat.S_IMODE((folder / "credentials.json").stat().st_mode)
    assert mode == 0o600
    daemon.down(folder)
    daemon.down(folder)
    assert daemon.info(folder) is None
    assert [v["id"] for v in daemon.listing(folder)["vpcs"]] == [vpc]
    again = daemon.up(folder, "paper")
    assert (again.access_key_id, again.access_key_secret) == (
        info.access_key_id,
        info.access_key_secret,
    )
    found = _sdk(again).vpc("DescribeVpcs", RegionId="cn-hangzhou")
    assert [v["VpcId"] for v in found["Vpcs"]["Vpc"]] == [vpc]
    daemon.reset(folder)
    assert not folder.exists()
    assert daemon.listing(folder)["vpcs"] == []


def test_a_killed_daemon_is_noticed_and_started_again(folder: Path) -> None:
    """The file it left is not believed."""
    info = daemon.up(folder, "paper")
    vpc = _sdk(info).vpc("CreateVpc", RegionId="cn-hangzhou")["VpcId"]
    mark = Mark.of(info.pid)
    os.kill(info.pid, signal.SIGKILL)
    assert mark.wait(10)
    assert daemon.info(folder) is None
    again = daemon.up(folder, "paper")
    assert again.pid != info.pid
    until(lambda: daemon.listing(folder)["vpcs"] and daemon.listing(folder)["vpcs"][0]["id"] == vpc)


def test_a_second_kind_or_port_is_refused_while_it_is_up(folder: Path) -> None:
    """And the kind of a cloud never changes."""
    info = daemon.up(folder, "paper")
    with pytest.raises(ConfigError):
        daemon.up(folder, "qemu")
    with pytest.raises(ConfigError, match=info.endpoint):
        daemon.up(folder, "paper", 1)
    daemon.down(folder)
    with pytest.raises(ConfigError, match="made as paper"):
        daemon.up(folder, "qemu")
    with pytest.raises(ConfigError, match="no such kind"):
        daemon.up(folder, "cardboard")


def test_a_taken_port_is_one_clear_error(folder: Path) -> None:
    """With the address in it; nothing stays behind."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HostliftError, match=f"127.0.0.1:{port}"):
            daemon.up(folder, "paper", port)
    assert daemon.info(folder) is None
    daemon.up(folder, "paper")


def test_broken_settings_are_named_before_anything_starts(folder: Path) -> None:
    """settings.json with an unknown key."""
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"delya": 1}))
    with pytest.raises(ConfigError, match="delya") as refused:
        daemon.up(folder, "paper")
    assert "settings.json" in refused.value.subject
    (folder / "settings.json").unlink()


def test_a_folder_that_is_no_clouds_is_not_wiped(tmp_path: Path) -> None:
    """A mistyped path loses nothing."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StateError):
        daemon.reset(tmp_path)
    assert (tmp_path / "letter.txt").exists()


def test_the_clock_of_the_answers_is_this_machines(folder: Path) -> None:
    """The Date header is what clients measure their skew with."""
    info = daemon.up(folder, "paper")
    with urllib.request.urlopen(f"{info.endpoint}/ready", timeout=10) as answer:
        said = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(said - SystemClock().now()) < 5
