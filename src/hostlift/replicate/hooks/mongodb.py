# SPDX-License-Identifier: Apache-2.0
"""MongoDB: what is in memory is written out; one without a journal is locked for the freeze.

With a journal it is crash-safe and needs no lock. A lock outlives the connection that took it, so
the watchdog knows how to unlock too; locks are counted, so one that somebody else holds stays.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.errors import HostError
from hostlift.replicate.hooks.contract import Hook, Site
from hostlift.replicate.hooks.servers import servers

_NAMES = ("mongod",)
_SHELLS = ("mongosh", "mongo")
_DONE = "hostlift-done"
_SECONDS = 20.0

_FLUSH = "db.adminCommand({fsync: 1})"
_BARE = (
    "var s = db.adminCommand({getCmdLineOpts: 1}).parsed.storage || {};"
    "var bare = s.engine === 'mmapv1' || (s.journal && s.journal.enabled === false);"
)
_LOCKED = "db.adminCommand({currentOp: 1}).fsyncLock"
_LOCK = f"{_BARE} if (bare) db.fsyncLock()"
_UNLOCK = f"{_BARE} if (bare && {_LOCKED}) db.fsyncUnlock()"


def running(site: Site) -> bool:
    """Whether a server accepts connections."""
    return next(_shells(site), None) is not None


def flush(site: Site) -> None:
    """Write out dirty pages; the service goes on.

    Raises:
        HostError: A server refused (it wants a password, for example).
    """
    _run(site, _FLUSH)


def lock(site: Site) -> None:
    """Lock servers without a journal; raises as `flush`."""
    _run(site, _LOCK)


def unlock(site: Site) -> None:
    """Unlock them; raises as `flush`."""
    _run(site, _UNLOCK)


def _run(site: Site, script: str) -> None:
    for shell in _shells(site):
        line = [*shell, "--quiet", "--eval", f"{script}; print('{_DONE}')"]
        text = site.commands.run(line, timeout=_SECONDS).text
        if _DONE not in text.split():
            raise HostError(text.strip() or "no answer", subject=shell[0])


def _shells(site: Site) -> Iterator[list[str]]:
    program = next((s for s in _SHELLS if site.commands.which(s)), _SHELLS[0])
    for server in servers(_NAMES, site.proc):
        if server.ports:
            yield [program, f"mongodb://127.0.0.1:{server.ports[0]}/admin"]


HOOK = Hook(name="mongodb", check=running, pre_pass=flush, freeze=lock, thaw=unlock)
