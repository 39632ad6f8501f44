# SPDX-License-Identifier: Apache-2.0
"""The agent's wiring. Killed at any point, it is started again and its client goes on."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hostlift.agent.data import DataServer
from hostlift.agent.jobs import JobStore
from hostlift.agent.server import ControlServer
from hostlift.agent.targets import Targets
from hostlift.agent.work import Workshop
from hostlift.host.command import SystemCommands
from hostlift.host.descriptors import allow_many
from hostlift.host.mounts import private_namespace
from hostlift.remote.messages import Hello, Stage
from hostlift.remote.seed.depot import Depot
from hostlift.remote.seed.program import boot_id, identities
from hostlift.remote.tls import server_context

if TYPE_CHECKING:
    from collections.abc import Sequence

_BACKLOG = 64
_BY_ID = Path("/dev/disk/by-id")
_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM; with a newer archive installed, become the seed again, which starts it."""
    options = _parser().parse_args(argv)
    home, state = options.home, options.state
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _configure_log(state / "agent.log")
    # No process started elsewhere may inherit the volumes' mounts: they could not be unmounted.
    private_namespace()
    allow_many()
    replaced = _serve(options, home, state)
    if replaced:
        _log.info("starting the new agent")
        # Becoming another program, not starting one: the service manager keeps watching us.
        os.execv(sys.executable, [sys.executable, str(home / "bootstrap.pyz")])  # noqa: S606


def _serve(options: argparse.Namespace, home: Path, state: Path) -> bool:
    migration = (home / "migration").read_text("utf-8").strip()
    context = server_context(*identities(home))
    depot = Depot(home)
    with socket.create_server(("", options.control_port), backlog=_BACKLOG) as listener:
        data = DataServer(options.data_port, context)
        commands = SystemCommands()
        workshop = Workshop(
            state,
            migration,
            targets=Targets(state, commands, by_id=_BY_ID, mount_root=state / "volumes"),
            commands=commands,
            end_streams=data.end_streams,
        )
        control = ControlServer(
            hello=Hello(
                stage=Stage.AGENT,
                migration=migration,
                archive=options.archive,
                boot_id=boot_id(),
                python=f"{sys.version_info.major}.{sys.version_info.minor}",
            ),
            jobs=JobStore(state / "jobs", workshop.do),
            depot=depot,
            entries=workshop.entries,
            files=workshop.files,
        )
        with data.serving(workshop.receive):
            depot.running()
            _log.info("agent %s for migration %s is up", options.archive[:12], migration)
            control.serve(listener, context)
    return control.replaced


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hostlift-agent")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--archive", required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--data-port", type=int, required=True)
    return parser


def _configure_log(path: Path) -> None:
    short = logging.StreamHandler(sys.stdout)
    short.setFormatter(logging.Formatter("hostlift: %(message)s"))
    full = logging.FileHandler(path, encoding="utf-8")
    full.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[short, full])
