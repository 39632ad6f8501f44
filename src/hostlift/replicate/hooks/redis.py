# SPDX-License-Identifier: Apache-2.0
"""Redis and Valkey: a snapshot of what is in memory, where that is how they keep their data.

With an append-only file nothing is needed. Without it, what came after the last snapshot is lost in
a crash, by the service's own settings; so the snapshot is taken right before the freeze.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.errors import HostError
from hostlift.replicate.hooks.contract import Hook, Site
from hostlift.replicate.hooks.servers import servers

_NAMES = ("redis-server", "valkey-server")
_CLIENTS = ("redis-cli", "valkey-cli")
_CALL_SECONDS = 10.0
_SAVE_SECONDS = 30.0
_POLL_SECONDS = 0.05


def running(site: Site) -> bool:
    """Whether a server accepts connections."""
    return next(_clients(site), None) is not None


def save(site: Site) -> None:
    """Have every server without an append-only file write a snapshot, and wait for it.

    Raises:
        HostError: A server refused, failed, or was not done in time.
    """
    for client in _clients(site):
        if _ask(site, client, "INFO", "persistence").get("aof_enabled") == "0" and _saves(
            site, client
        ):
            _save(site, client)


def _save(site: Site, client: list[str]) -> None:
    end = site.clock.monotonic() + _SAVE_SECONDS
    _wait(site, client, end)  # one that began earlier lacks what came since
    _say(site, client, "BGSAVE")
    state = _wait(site, client, end)
    if state.get("rdb_last_bgsave_status") != "ok":
        raise HostError("the snapshot failed", subject=client[0])


def _wait(site: Site, client: list[str], end: float) -> dict[str, str]:
    while True:
        state = _ask(site, client, "INFO", "persistence")
        if state.get("rdb_bgsave_in_progress") == "0":
            return state
        if site.clock.monotonic() > end:
            raise HostError(f"the snapshot takes over {_SAVE_SECONDS:g} s", subject=client[0])
        site.clock.sleep(_POLL_SECONDS)


def _saves(site: Site, client: list[str]) -> bool:
    """Whether it ever writes snapshots; a mere cache does not."""
    words = _say(site, client, "CONFIG", "GET", "save").split("\n")
    return len(words) > 1 and bool(words[1].strip())


def _ask(site: Site, client: list[str], *words: str) -> dict[str, str]:
    lines = _say(site, client, *words).splitlines()
    return {k: v.strip() for k, _, v in (line.partition(":") for line in lines)}


def _say(site: Site, client: list[str], *words: str) -> str:
    """The answer; the client's status tells nothing of a refusal, the answer's first word does."""
    text = site.commands.run([*client, *words], timeout=_CALL_SECONDS).text
    first = text.split(" ", 1)[0].strip()
    if first.isupper() and first.isalpha() and first != "OK":  # ERR, NOAUTH, NOPERM, LOADING
        raise HostError(text.strip(), subject=client[0])
    return text


def _clients(site: Site) -> Iterator[list[str]]:
    """The start of a command line for every server."""
    program = next((p for p in _CLIENTS if site.commands.which(p)), _CLIENTS[0])
    for server in servers(_NAMES, site.proc):
        if server.sockets:
            yield [program, "-s", server.sockets[0]]
        else:
            yield [program, "-p", str(server.ports[0])]


HOOK = Hook(name="redis", check=running, prepare=save)
