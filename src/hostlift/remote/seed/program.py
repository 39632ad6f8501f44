# SPDX-License-Identifier: Apache-2.0
"""The first program of ours on the intermediate instance; the service manager keeps it running.

It becomes the agent when an archive is unpacked, else it waits for one on the control port. The
user data carries it as `bootstrap.pyz`, with `depot`, `service` and `remote.tls`: standard
library only. `HOSTLIFT_PREFIX`, `HOSTLIFT_CONTROL_PORT` and `HOSTLIFT_DATA_PORT` move it out of
the way where it shares a machine.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hostlift.remote.seed.depot import Depot, Refused, Unpacked
from hostlift.remote.seed.service import Service
from hostlift.remote.tls import Identity, server_context

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTROL_PORT = "8080"
_DATA_PORT = "8703"
_PROTOCOL = 1
_log = logging.getLogger(__name__)


class Program:
    """What this instance is told by the folder the user data made, and by the environment."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.depot = Depot(home)
        self._environment = environment
        self._control_port = environment.get("HOSTLIFT_CONTROL_PORT", _CONTROL_PORT)
        self._data_port = environment.get("HOSTLIFT_DATA_PORT", _DATA_PORT)
        self._state = Path(environment.get("HOSTLIFT_PREFIX") or "/") / "var/lib/hostlift"

    def run(self) -> None:
        """Become the agent, after having received it if necessary. Does not return."""
        self.depot.tidy()
        archive = self.depot.current()
        if archive is not None and self.depot.starting():
            self._become(archive)
        while True:
            self._become(self._receive())

    def _receive(self) -> Unpacked:
        migration = (self.home / "migration").read_text("utf-8").strip()
        facts: dict[str, str | int] = {
            "stage": "bootstrap",
            "migration": migration,
            "protocol": _PROTOCOL,
            "archive": "",
            "boot_id": boot_id(),
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        }
        own, peer = identities(self.home)
        service = Service(int(self._control_port), server_context(own, peer), self.depot, facts)
        _log.info("waiting for the agent's archive on port %s", self._control_port)
        return service.until_installed()

    def _become(self, archive: Unpacked) -> None:
        arguments = ["--home", str(self.home), "--state", str(self._state)]
        arguments += ["--archive", archive.sha256]
        arguments += ["--control-port", self._control_port, "--data-port", self._data_port]
        try:
            argv = archive.argv(arguments)
            _log.info("starting the agent %s", archive.sha256[:12])
            os.execve(  # noqa: S606 - becoming another program, not starting one
                argv[0], argv, {**self._environment, "PYTHONPATH": str(archive.folder / "lib")}
            )
        except (OSError, Refused) as error:
            _log.warning("the agent cannot be started: %s", error)


def identities(home: Path) -> tuple[Identity, bytes]:
    """Our identity and the only certificate we listen to, as the user data left them."""
    both = (home / "agent.pem").read_bytes()
    return Identity(certificate_pem=both, key_pem=b""), (home / "client.pem").read_bytes()


def boot_id() -> str:
    """The kernel's name for this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def main() -> None:
    """Run from the archive that the user data wrote: its folder is home."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="hostlift: %(message)s")
    home = Path(sys.argv[0]).resolve().parent
    Program(home, os.environ).run()
