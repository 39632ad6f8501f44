# SPDX-License-Identifier: Apache-2.0
"""Machines on the embedded cloud's internet: the source server, and ssh into it and its copy."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

from demo.source.disks import SourceDisks
from demo.source.machine import command_line, running
from demo.waiting import wait_until
from hostlift.errors import CommandFailed
from hostlift.host.command import SystemCommands, environment
from hostlift.localcloud.fabric.netns import NamespaceFabric

SOURCE = "198.51.100.10"
_BOOT_LIMIT = 600.0
_ANSWER_LIMIT = 20.0


@dataclass(frozen=True, slots=True)
class Shell:
    """Root's shell on a machine of the internet.

    Attributes:
        namespace: Of a host on the internet, from where we look.
        key: Private ssh key; ``known_hosts`` has the machine's host keys under ``alias``.
    """

    namespace: str
    address: str
    key: Path
    known_hosts: Path
    alias: str = SOURCE

    def run(self, script: str, *, stdin: bytes = b"", timeout: float = 300.0) -> str:
        """Output of a shell script there.

        Raises:
            CommandFailed: It failed, or the machine does not answer.
        """
        done = SystemCommands().run([*self._ssh(), script], stdin=stdin, timeout=timeout)
        return done.text

    def stream(self, script: str) -> tuple[int, str]:
        """Run a script, showing what it prints while it runs; returns status and output."""
        process = Popen(
            [*self._ssh(), script], stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env=environment()
        )
        said: list[str] = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line.decode("utf-8", "replace"))
                sys.stdout.write(f"  | {said[-1]}")
                sys.stdout.flush()
            return process.wait(), "".join(said)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def answers(self) -> bool:
        """Whether it lets us in now."""
        try:
            self.run("true", timeout=_ANSWER_LIMIT)
        except CommandFailed:
            return False
        return True

    def _ssh(self) -> list[str]:
        options = (
            "BatchMode=yes",
            "ConnectTimeout=15",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=20",
            "StrictHostKeyChecking=yes",
            "LogLevel=ERROR",
            f"HostKeyAlias={self.alias}",
            f"UserKnownHostsFile={self.known_hosts}",
        )
        words = [word for option in options for word in ("-o", option)]
        inside = ["ip", "netns", "exec", self.namespace]
        return [*inside, "ssh", "-i", str(self.key), *words, f"root@{self.address}"]


@contextmanager
def source_server(
    disks: SourceDisks, fabric: NamespaceFabric, visitor: str, folder: Path
) -> Iterator[Shell]:
    """The source server, up for the length of the block; it boots by its own boot loader.

    Yields when the shop takes orders.

    Args:
        visitor: Namespace of the host we look at it from.
    """
    system, data = (_overlay(base, folder) for base in (disks.system, disks.data))
    tap = fabric.open_internet_tap("shop01")
    card = (
        *("-netdev", f"tap,id=net,fd={tap}"),
        *("-device", "virtio-net-pci,netdev=net,mac=52:54:00:c6:33:0a,addr=4,romfile="),
    )
    try:
        line = (*command_line(system, data), *card)
        with running(line, folder / "source-qemu.log", fds=(tap,)) as process:
            shell = Shell(visitor, SOURCE, disks.key, disks.known_hosts)

            def ready() -> bool:
                if process.poll() is not None:
                    raise RuntimeError((folder / "source-qemu.log").read_text())
                return shell.answers() and orders(shell) > 0

            wait_until(ready, _BOOT_LIMIT, "the source server")
            yield shell
    finally:
        os.close(tap)


def orders(shell: Shell, address: str = "") -> int:
    """Number of orders in the database at ``address``; 0 while it does not answer."""
    try:
        return int(query(shell, "SELECT orders FROM totals", address))
    except CommandFailed:
        return 0


def query(shell: Shell, sql: str, address: str = "127.0.0.1") -> str:
    """Answer of the shop's database at ``address``, asked from the machine behind ``shell``."""
    url = f"postgresql://shop:shop@{address or '127.0.0.1'}/shop?connect_timeout=10"
    return shell.run(f"psql -XAtq -v ON_ERROR_STOP=1 -c {shlex.quote(sql)} {url}").strip()


def _overlay(base: Path, folder: Path) -> Path:
    overlay = folder / f"source-{base.name}"
    SystemCommands().run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base), str(overlay)],
        timeout=60,
    )
    return overlay
