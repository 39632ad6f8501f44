# SPDX-License-Identifier: Apache-2.0
"""DHCP of one private network: a dnsmasq that gives each card its own address and nothing else.

Promises: an unknown card gets no answer; there is one process per network however often this is
called, and none of a crashed run survives.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hostlift.errors import HostError
from hostlift.host.command import spawn
from hostlift.localcloud.compute.base import Nic
from hostlift.localcloud.linux.processes import Mark

_SERVER_PORT = 67
_START_SECONDS = 10.0
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Subnet:
    """A vSwitch: its network and its router's address."""

    id: str
    network: ipaddress.IPv4Network
    gateway: str


class Dhcp:
    """The server of one network.

    Args:
        folder: For its leases, log and process mark.
        namespace: Where its bridge ``lan`` is.
    """

    def __init__(self, folder: Path, namespace: str) -> None:
        self._folder = folder
        self._namespace = namespace
        self._hosts = folder / "hosts"
        self._mark = folder / "dnsmasq.json"

    def serve(self, subnets: Iterable[Subnet]) -> None:
        """Serve exactly these subnets; none ends the server."""
        self.stop()
        argv = command_line(self._namespace, self._hosts, subnets)
        if not argv:
            return
        self._hosts.mkdir(parents=True, exist_ok=True)
        log = os.open(self._folder / "dnsmasq.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
        try:
            process = spawn(argv, stdout=log)
        finally:
            os.close(log)
        # Its end is waited for here, or dead servers would stay in the process table.
        threading.Thread(target=process.wait, daemon=True).start()
        mark = Mark.of(process.pid)
        self._mark.write_text(mark.dump())
        self._await_ready(mark)

    def lease(self, nic: Nic) -> None:
        """Give a card its address."""
        self._hosts.mkdir(parents=True, exist_ok=True)
        line = f"{nic.mac},{nic.private_ip},infinite\n"
        file = self._hosts / _file_name(nic)
        if not file.exists() or file.read_text() != line:
            file.write_text(line)
            self._reread()

    def release(self, nic: Nic) -> None:
        """Take it back."""
        file = self._hosts / _file_name(nic)
        if file.exists():
            file.unlink()
            self._reread()

    def stop(self) -> None:
        """End the server, also that of a run that crashed; leases stay."""
        mark = Mark.load(self._mark)
        if mark is not None:
            mark.end(grace=2.0)
        self._mark.unlink(missing_ok=True)

    def forget(self) -> None:
        """End it and drop every lease."""
        self.stop()
        for file in self._hosts.glob("*"):
            file.unlink()

    def _reread(self) -> None:
        """It notices new files by itself, but neither changed nor removed ones."""
        mark = Mark.load(self._mark)
        if mark is not None:
            mark.signal(signal.SIGHUP)

    def _await_ready(self, mark: Mark) -> None:
        """Wait until it listens: before that, a hang-up signal would kill it."""
        pause = threading.Event()
        for _ in range(int(_START_SECONDS / _POLL)):
            if not mark.alive():
                break
            if _listens(mark.pid):
                return
            pause.wait(_POLL)
        log = (self._folder / "dnsmasq.log").read_text(errors="replace")
        why = log.strip().splitlines()[-1] if log.strip() else "it says nothing"
        raise HostError(f"the DHCP server does not start: {why}", subject=self._namespace)


def command_line(namespace: str, hosts: Path, subnets: Iterable[Subnet]) -> list[str]:
    """How dnsmasq is started for these subnets; empty when there are none."""
    options = []
    for subnet in subnets:
        network = subnet.network
        options += [
            f"--dhcp-range=set:{subnet.id},{network.network_address},static,{network.netmask},infinite",
            f"--dhcp-option=tag:{subnet.id},option:router,{subnet.gateway}",
        ]
    if not options:
        return []
    return [
        *("ip", "netns", "exec", namespace, "dnsmasq", "--keep-in-foreground"),
        *("--conf-file=/dev/null", "--user=root", "--group=root", "--pid-file="),
        *("--log-facility=-", "--port=0", "--interface=lan", "--except-interface=lo"),
        *("--bind-interfaces", "--dhcp-authoritative", "--no-ping", "--leasefile-ro"),
        *(f"--dhcp-hostsdir={hosts}", "--dhcp-option=option:dns-server", *options),
    ]


def _file_name(nic: Nic) -> str:
    return nic.mac.replace(":", "-")


def _listens(pid: int) -> bool:
    """True when UDP port 67 is bound in the process' network namespace."""
    try:
        rows = Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]
    except OSError:
        return False
    return any(int(row.split()[1].rpartition(":")[2], 16) == _SERVER_PORT for row in rows)
