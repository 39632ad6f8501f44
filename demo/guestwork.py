# SPDX-License-Identifier: Apache-2.0
"""What the user does on the source server, by ssh: install hostlift, configure it, run it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.cloud import EmbeddedCloud
from demo.server import Shell

HOME = "/opt/hostlift"
IMAGE_NAME = "shop01-migrated"
FINISHED = "Goto Aliyun Finished!"


@dataclass(frozen=True, slots=True)
class Moved:
    """A finished migration: hostlift's own report, and what it printed."""

    report: dict[str, Any]
    said: str

    @property
    def image(self) -> str:
        """Id of the custom image."""
        return str(self.report["image"])

    @property
    def hostname(self) -> str:
        """The source's host name."""
        return str(self.report["hostname"])

    @property
    def freeze_seconds(self) -> float:
        """How long writers stood still."""
        return float(self.report["freeze_seconds"])

    @property
    def finished(self) -> bool:
        """Whether it said so."""
        return FINISHED in self.said


def unpack(shell: Shell, bundle: Path) -> None:
    """Put the bundle on a server."""
    shell.run("tar -xz -C /opt", stdin=bundle.read_bytes(), timeout=900)


def install(shell: Shell, bundle: Path, cloud: EmbeddedCloud) -> None:
    """Unpack the bundle, write user_config.json, and leave the tool itself out of the copy."""
    unpack(shell, bundle)
    shell.run(f"echo {HOME}/ >>{HOME}/Excludes/rsync_excludes_linux.txt")
    wishes = {
        "access_id": cloud.key_id,
        "secret_key": cloud.key_secret,
        "region_id": cloud.region,
        "image_name": IMAGE_NAME,
        "system_disk_size": 20,
        "data_disks": [{"data_disk_index": 1, "data_disk_size": 20, "src_path": "/data"}],
        "endpoint": cloud.inner_endpoint,
        # An emulated processor on a busy machine needs longer than the default allows.
        "freeze_limit": 240,
    }
    shell.run(
        f"umask 077 && cat >{HOME}/user_config.json",
        stdin=json.dumps(wishes, indent=2).encode(),
    )


def migrate(shell: Shell) -> Moved:
    """Run check, plan and migrate as a user would, showing what they print.

    Raises:
        RuntimeError: One of them failed.
    """
    said = ""
    for verb in ("check", "plan", "migrate --yes"):
        print(f"  $ ./hostlift {verb}", flush=True)
        status, said = shell.stream(f"cd {HOME} && ./hostlift {verb}")
        if status != 0:
            raise RuntimeError(f"'hostlift {verb}' ended with status {status}")
    # A finished migration is not done again: this only prints its report as data.
    report = json.loads(shell.run(f"cd {HOME} && ./hostlift migrate --yes --json 2>/dev/null"))
    return Moved(report, said)
