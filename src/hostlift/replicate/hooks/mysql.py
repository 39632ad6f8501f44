# SPDX-License-Identifier: Apache-2.0
"""MySQL and MariaDB: tables that know no recovery are closed properly for the freeze.

InnoDB is crash-safe and needs nothing. Where there are tables of MyISAM and its like, a client
takes the global read lock right before the freeze and stays: every statement is then whole, and
every table closed on disk. The lock ends with the client's connection, so also when we die. It is
not waited for long: behind a waiting lock every writer waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.replicate.hooks.contract import Hook, Site
from hostlift.replicate.hooks.servers import servers

_NAMES = ("mariadbd", "mysqld")
_CLIENTS = ("mariadb", "mysql")
_OPTIONS = ("--batch", "--skip-column-names", "--unbuffered", "--connect-timeout=5")
_SECONDS = 10.0
_LOCK_SECONDS = 2
_HELD = "hostlift-held"

_UNSAFE = (
    "SELECT COUNT(*) FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    " AND engine IN ('MyISAM', 'MRG_MyISAM', 'Aria', 'ARCHIVE', 'CSV') AND table_schema"
    " NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
)
_LOCK = (
    f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS};"
    f" FLUSH TABLES WITH READ LOCK; SELECT '{_HELD}';"
)


def running(site: Site) -> bool:
    """Whether a server listens on a socket."""
    return next(_clients(site), None) is not None


def lock(site: Site) -> None:
    """Hold every server that has such tables; `Site.held` lets them go.

    Raises:
        HostError: A server refused us, or a statement kept it from locking.
    """
    for client in _clients(site):
        line = [*client, f"--execute={_UNSAFE}"]
        if site.commands.run(line, timeout=_SECONDS).text.strip() == "0":
            continue
        held = site.connect(client)
        site.held.callback(held.close)
        held.ask(_LOCK, _HELD, _LOCK_SECONDS + _SECONDS)


def _clients(site: Site) -> Iterator[list[str]]:
    """The start of a command line for every server."""
    program = next((p for p in _CLIENTS if site.commands.which(p)), _CLIENTS[0])
    for server in servers(_NAMES, site.proc):
        # mysqlx.sock speaks another protocol
        places = [s for s in server.sockets if "mysqlx" not in s.rpartition("/")[2]]
        if places:
            yield [program, f"--socket={places[0]}", *_OPTIONS]


HOOK = Hook(name="mysql", check=running, freeze=lock)
