# SPDX-License-Identifier: Apache-2.0
"""A whole rehearsal on one machine: the embedded cloud with ``process`` instances, a Debian server's
disks mounted as an offline source, and hostlift run as a program on a host of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hostlift.host.mounts import mounted
from hostlift.localcloud import daemon
from hostlift.localcloud.fabric.internet import HOSTS_ROUTER, internet_host
from hostlift.localcloud.kinds import open_kind

SOURCE_ADDRESS = "198.51.100.20"
CPU_SECONDS = 900


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Rehearsal:
    """A cloud, a source, a workspace."""

    cloud: Path
    workspace: Path
    source: Path
    namespace: str
    endpoint: str
    key: tuple[str, str]

    def configure(self, **changes: object) -> None:
        """Write user_config.json."""
        wishes: dict[str, object] = {
            "access_id": self.key[0],
            "secret_key": self.key[1],
            "region_id": "cn-hangzhou",
            "image_name": "shop01-migrated",
            "system_disk_size": 20,
            "data_disks": [{"data_disk_index": 1, "data_disk_size": 20, "src_path": "/data"}],
            "endpoint": self.endpoint,
            "trial": False,
            **changes,
        }
        self.workspace.mkdir(parents=True, exist_ok=True)
        path = self.workspace / "user_config.json"
        path.write_text(json.dumps(wishes, indent=2))
        path.chmod(0o600)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the program on its host."""
        line = ["ip", "netns", "exec", self.namespace, sys.executable, "-m", "hostlift", *arguments]
        line += ["--folder", str(self.workspace)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def run(self, *arguments: str, kill_after: float | None = None) -> Ended:
        """Run the program; ``kill_after`` seconds it is killed like a power cut."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=kill_after or CPU_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            if kill_after is None:
                raise AssertionError(f"still running after {CPU_SECONDS} s:\n{err}") from None
        return Ended(process.returncode, out, err)

    def pause(self, *arguments: str, at: str) -> Ended:
        """Run the program and press Ctrl-C once it says ``at``."""
        process = self.start(*arguments)
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if at in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=CPU_SECONDS)
        return Ended(process.returncode, out, "".join(said) + err)

    def migrate(self, *, kill_after: float | None = None) -> Ended:
        """``hostlift migrate --yes`` of the offline source."""
        return self.run("migrate", "--yes", "--root", str(self.source), kill_after=kill_after)

    def listing(self) -> dict[str, list[dict[str, object]]]:
        """What exists in the cloud."""
        return daemon.listing(self.cloud)


@contextmanager
def rehearsal(
    folder: Path, partitions: Sequence[tuple[str, str]], *, writable: bool = False
) -> Iterator[Rehearsal]:
    """A rehearsal for the length of the block.

    Args:
        folder: For everything it needs.
        partitions: ``(device, mount point)`` of the source, root first.
        writable: The test changes the source between two runs.
    """
    cloud, source = folder / "cloud", folder / "source"
    source.mkdir(parents=True)
    options = () if writable else ("ro",)
    with ExitStack() as stack:
        info = daemon.up(cloud, "process", 0)
        stack.callback(daemon.reset, cloud)
        stack.callback(daemon.down, cloud)
        _, fabric = open_kind("process", cloud)
        space = stack.enter_context(internet_host(fabric, "source", SOURCE_ADDRESS))
        for device, point in partitions:
            target = source / point.lstrip("/")
            stack.enter_context(mounted(device, target, kind="ext4", options=options))
        inner = next(e for e in info.inner_endpoints if HOSTS_ROUTER in e)
        yield Rehearsal(
            cloud=cloud,
            workspace=folder / "workspace",
            source=source,
            namespace=space,
            endpoint=inner,
            key=(info.access_key_id, info.access_key_secret),
        )
