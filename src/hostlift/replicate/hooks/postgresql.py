# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: a checkpoint, so that the copy has little to recover when it starts."""

from __future__ import annotations

from pathlib import Path

from hostlift.ports.commands import Commands

_SOCKETS = (Path("/run/postgresql"), Path("/tmp"))  # noqa: S108 - where distributions put them
_SECONDS = 15.0


def checkpoint(commands: Commands, folders: tuple[Path, ...] = _SOCKETS) -> None:
    """Run CHECKPOINT on every local server.

    Raises:
        HostError: A server refused, or took too long.
    """
    for folder in folders:
        for socket in sorted(folder.glob(".s.PGSQL.*")):
            port = socket.name.rpartition(".")[2]
            if port.isdecimal():
                _checkpoint(commands, folder, port)


def _checkpoint(commands: Commands, folder: Path, port: str) -> None:
    psql = ["psql", "-X", "-q", "-h", str(folder), "-p", port, "-d", "postgres", "-c", "CHECKPOINT"]
    commands.run(
        ["runuser", "-u", "postgres", "--", *psql],
        timeout=_SECONDS,
        env={"PGCONNECT_TIMEOUT": "5"},
        cwd=Path("/"),
    )
