# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: a checkpoint, so that the copy has little to recover when it starts.

It is crash-safe, so nothing is held for the freeze. A checkpoint right there would only put the
pages it writes into the frozen pass, beside the log that holds them already.
"""

from __future__ import annotations

import pwd
import re
from collections.abc import Iterator
from pathlib import Path

from hostlift.errors import HostError
from hostlift.replicate.hooks.contract import Hook, Site
from hostlift.replicate.hooks.servers import servers

_NAMES = ("postgres", "postmaster")
_SOCKET = re.compile(r"\.s\.PGSQL\.(\d+)")
_SECONDS = 60.0
"""A checkpoint of a large buffer pool takes its time; the service goes on meanwhile."""


def running(site: Site) -> bool:
    """Whether a server listens on a socket."""
    return next(_places(site), None) is not None


def checkpoint(site: Site) -> None:
    """Run CHECKPOINT on every local server, each as the user that it runs as.

    Raises:
        HostError: A server refused, or took too long.
    """
    for user, folder, port in _places(site):
        psql = ["psql", "-X", "-q", "-h", folder, "-p", port, "-d", "postgres", "-c", "CHECKPOINT"]
        site.commands.run(
            ["runuser", "-u", user, "--", *psql],
            timeout=_SECONDS,
            env={"PGCONNECT_TIMEOUT": "5"},
            cwd=Path("/"),
        )


def _places(site: Site) -> Iterator[tuple[str, str, str]]:
    """User, folder of the socket and port of every server."""
    for server in servers(_NAMES, site.proc):
        for socket in server.sockets:
            match = _SOCKET.fullmatch(Path(socket).name)
            if match is not None:
                yield _user(server.user), str(Path(socket).parent), match[1]
                break


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError as error:
        raise HostError(f"user {number} has no name", subject="postgresql") from error


HOOK = Hook(name="postgresql", check=running, pre_pass=checkpoint)
