# SPDX-License-Identifier: Apache-2.0
"""Bad input, as a user meets it: one clear error, the right exit status, nothing created or lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from hostlift.localcloud import daemon
from hostlift.localcloud.daemon import CloudInfo

pytestmark = pytest.mark.root
GOOD: dict[str, Any] = {"region_id": "cn-hangzhou", "image_name": "web-2026"}
SECRET = "S3cretS3cretS3cretS3cretS3cret"


def hostlift(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "hostlift", *arguments, "--folder", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def write(folder: Path, text: str) -> None:
    path = folder / "user_config.json"
    path.write_text(text)
    path.chmod(0o600)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudInfo]:
    folder = tmp_path_factory.mktemp("cloud")
    yield daemon.up(folder, "paper", 0)
    daemon.down(folder)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"region_id": "cn-hangzhou",', "line 1"),
        (json.dumps({**GOOD, "imagename": "x"}), "image_name"),
        (json.dumps({**GOOD, "system_disk_size": "big"}), "system_disk_size"),
        (json.dumps({**GOOD, "system_disk_size": 5}), "system_disk_size"),
        (json.dumps({**GOOD, "image_name": "9lives"}), "image_name"),
        (json.dumps({**GOOD, "platform": "debian"}), "platform"),
        (
            json.dumps({**GOOD, "data_disks": [{"data_disk_index": 1, "src_path": "/etc"}]}),
            "data_disks[0].src_path",
        ),
        ("[]", "user_config.json"),
    ],
)
def test_a_wrong_configuration_is_named_and_nothing_is_made(
    tmp_path: Path, text: str, named: str
) -> None:
    """Exit status 2, the key in the message, no state files."""
    write(tmp_path, text)
    ended = hostlift(tmp_path, "migrate", "--yes")
    assert ended.returncode == 2, ended.stderr
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["user_config.json"]


def test_a_secret_is_never_part_of_an_error(tmp_path: Path) -> None:
    """Whatever else is wrong with the file."""
    write(tmp_path, json.dumps({**GOOD, "secret_key": [SECRET], "access_id": 7}))
    ended = hostlift(tmp_path, "migrate", "--yes")
    assert ended.returncode == 2
    assert SECRET not in ended.stdout + ended.stderr


def findings(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    return {f["check"]: f for f in json.loads(ended.stdout)["findings"]}


def test_wrong_keys_are_a_blocker_with_a_remedy(tmp_path: Path, cloud: CloudInfo) -> None:
    """The cloud's own code is shown, the secret is not."""
    wishes = {**GOOD, "endpoint": cloud.endpoint, "access_id": cloud.access_key_id}
    write(tmp_path, json.dumps({**wishes, "secret_key": SECRET}))
    ended = hostlift(tmp_path, "check", "--json")
    found = findings(ended)["hostlift.Credentials"]
    assert (found["severity"], ended.returncode) == ("blocker", 3)
    assert "SignatureDoesNotMatch" in found["evidence"]
    assert found["remedy"]
    assert SECRET not in ended.stdout + ended.stderr
    write(tmp_path, json.dumps({**wishes, "access_id": "LTAInobody", "secret_key": SECRET}))
    ended = hostlift(tmp_path, "check", "--json")
    assert "InvalidAccessKeyId.NotFound" in findings(ended)["hostlift.Credentials"]["evidence"]


def test_an_endpoint_that_does_not_answer_is_a_blocker(tmp_path: Path) -> None:
    """Nobody listens on a reserved port."""
    keys = {"access_id": "LTAI", "secret_key": SECRET}
    write(tmp_path, json.dumps({**GOOD, **keys, "endpoint": "http://127.0.0.1:9"}))
    ended = hostlift(tmp_path, "check", "--json")
    blockers = [f for f in json.loads(ended.stdout)["findings"] if f["severity"] == "blocker"]
    assert any("127.0.0.1:9" in f["evidence"] for f in blockers)


class LateClock(BaseHTTPRequestHandler):
    """A server whose clock is an hour behind."""

    def do_HEAD(self) -> None:
        self._answer(404, b"")

    def do_POST(self) -> None:
        self._answer(400, b'{"Code": "IllegalTimestamp", "Message": "late", "RequestId": "r"}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        late = datetime.now(UTC) - timedelta(hours=1)
        self.send_header("Date", format_datetime(late, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def test_a_clock_that_is_an_hour_off_is_a_blocker(tmp_path: Path) -> None:
    """Signatures would be refused with IllegalTimestamp later: said before anything is made."""
    with HTTPServer(("127.0.0.1", 0), LateClock) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keys = {"access_id": "LTAI", "secret_key": SECRET}
        endpoint = f"http://127.0.0.1:{server.server_port}"
        write(tmp_path, json.dumps({**GOOD, **keys, "endpoint": endpoint}))
        ended = hostlift(tmp_path, "check", "--json")
        server.shutdown()
    clocks = [f for f in json.loads(ended.stdout)["findings"] if f["check"] == "hostlift.Clock"]
    assert [f["severity"] for f in clocks] == ["blocker"]


def test_a_second_hostlift_in_the_same_folder_is_refused(tmp_path: Path, cloud: CloudInfo) -> None:
    """Two would write one journal."""
    import fcntl  # noqa: PLC0415

    keys = {"access_id": cloud.access_key_id, "secret_key": cloud.access_key_secret}
    write(tmp_path, json.dumps({**GOOD, **keys, "endpoint": cloud.endpoint}))
    with (tmp_path / "client_data.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = hostlift(tmp_path, "migrate", "--yes")
    assert ended.returncode == 2
    assert "another hostlift" in ended.stderr


def test_a_damaged_database_is_refused_and_kept(tmp_path: Path, cloud: CloudInfo) -> None:
    """The file may still be mended by hand: it is not touched."""
    keys = {"access_id": cloud.access_key_id, "secret_key": cloud.access_key_secret}
    write(tmp_path, json.dumps({**GOOD, **keys, "endpoint": cloud.endpoint}))
    damaged = tmp_path / "client_data.db"
    damaged.write_bytes(b"not a database, but somebody's only copy of it " * 100)
    ended = hostlift(tmp_path, "migrate", "--yes")
    assert ended.returncode == 2
    assert "client_data.db" in ended.stderr
    assert damaged.read_bytes().startswith(b"not a database")


def test_a_folder_without_configuration_says_how_to_make_one(tmp_path: Path) -> None:
    """And ``init`` makes one."""
    ended = hostlift(tmp_path, "migrate")
    assert ended.returncode == 2
    assert "hostlift init" in ended.stderr
    assert hostlift(tmp_path, "init").returncode == 0
    assert json.loads((tmp_path / "user_config.json").read_text())["region_id"] == ""
