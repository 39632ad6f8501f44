# SPDX-License-Identifier: Apache-2.0
"""The peers, tuned: rsync over ssh and from its daemon, tar through zstd and ssh, `cp -a`.

Servers are started for each connection, on loopback ports, with keys and configuration made for
the benchmark; nothing of the machine's own sshd or rsync daemon is touched.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Inetd, Spent, measured
from benchmarks.tools import Door, Result, Scene, Tool
from hostlift.errors import ToolMissing
from hostlift.host.command import SystemCommands

_TIMEOUT = 7200.0
_RSYNC = ("rsync", "-aHAXS", "--numeric-ids", "--no-inc-recursive", "--stats")
_ZSTD = ("-z", "--zc=zstd", "--zl=1")
_CIPHER = "aes128-gcm@openssh.com"
_TAR_IN = "tar --acls --xattrs --xattrs-include=* --numeric-owner --sparse -cf - ."
_TAR_OUT = "tar --acls --xattrs --xattrs-include=* --numeric-owner -xpf -"
_TOTALS = re.compile(r"^Total bytes (?:sent|received): ([\d,]+)", re.MULTILINE)
_PACKAGES = {"sshd": "openssh-server", "ssh": "openssh-client", "rsync": "rsync", "zstd": "zstd"}
SSH_NEEDS = ("ssh", "sshd", "ssh-keygen")


def require(*programs: str) -> None:
    """Make sure that programs are installed.

    Raises:
        ToolMissing: One is not; the hint names its Debian package.
    """
    for program in programs:
        if SystemCommands().which(program) is None:
            package = _PACKAGES.get(program, program)
            raise ToolMissing(
                "needed as a peer, and not installed",
                subject=program,
                hint=f"apt-get install --no-install-recommends {package}, or leave it out: --peers",
            )


@dataclass(slots=True)
class SshServer:
    """An sshd with keys of its own; one process for each connection."""

    scene: Scene
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        require(*SSH_NEEDS)
        self.folder = self.scene.work / "ssh"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        commands = SystemCommands()
        for name in ("host", "user"):
            key = self.folder / name
            if not key.exists():
                argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
                commands.run(argv, timeout=20)
        lines = [
            f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/user.pub",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "UseDNS no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            f"Ciphers {_CIPHER}",
            "Compression no",
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def inetd(self) -> Inetd:
        """The server."""
        program = SystemCommands().which("sshd") or "sshd"
        argv = [program, "-i", "-e", "-f", str(self.folder / "config")]
        return Inetd(argv, self.scene.work / "sshd.log")

    def client(self, port: int) -> list[str]:
        """The ssh command line up to the host name."""
        options = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "BatchMode=yes"]
        options += ["LogLevel=ERROR", "Compression=no", "IdentitiesOnly=yes"]
        found = ["ssh", "-F", "none", "-c", _CIPHER, "-p", str(port), "-i", f"{self.folder}/user"]
        for option in options:
            found += ["-o", option]
        return found


@dataclass(slots=True)
class _Peer:
    scene: Scene
    name: str

    def measured(self, argv: Sequence[str]) -> Spent:
        """Run the client."""
        return measured(argv, log=self.scene.work / f"{self.name}.log", timeout=_TIMEOUT)


def _through(door: Door, server: Inetd, push: Callable[[int], Spent]) -> Result:
    """Let a client reach its server through a door; ``push`` gets the port to use."""
    with server.serving() as target_cpu, door(server.port) as behind:
        spent = push(behind.port)
        cpu_target = target_cpu()
        far = behind.finish()
    counted = [int(n.replace(",", "")) for n in _TOTALS.findall(spent.output)]
    return Result(
        wall=spent.wall,
        cpu_source=spent.cpu,
        cpu_target=cpu_target,
        wire=far.bytes if far else sum(counted),
        link_cpu=far.cpu if far else 0.0,
    )


@dataclass(slots=True)
class RsyncSsh(_Peer):
    """rsync over ssh."""

    more: tuple[str, ...] = ()

    def run(self, door: Door) -> Result:
        """One push."""
        ssh = SshServer(self.scene)
        places = [f"{self.scene.source}/", f"127.0.0.1:{self.scene.target}/"]

        def push(port: int) -> Spent:
            shell = shlex.join(ssh.client(port))
            return self.measured([*_RSYNC, *self.more, "-e", shell, *places])

        return _through(door, ssh.inetd(), push)


@dataclass(slots=True)
class RsyncDaemon(_Peer):
    """rsync to a daemon: no encryption."""

    more: tuple[str, ...] = ()

    def run(self, door: Door) -> Result:
        """One push."""
        require("rsync")
        config = self.scene.work / "rsyncd.conf"
        # Without its chroot the daemon would make absolute links relative.
        lines = ["use chroot = yes", "munge symlinks = no", "reverse lookup = no", "uid = 0"]
        lines += ["gid = 0", "numeric ids = yes", "[target]", f"path = {self.scene.target}"]
        lines += ["read only = no", "hosts allow = 127.0.0.1"]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        program = SystemCommands().which("rsync") or "rsync"
        argv = [program, "--daemon", f"--config={config}", f"--log-file={config}.log"]

        def push(port: int) -> Spent:
            url = f"rsync://127.0.0.1:{port}/target/"
            return self.measured([*_RSYNC, *self.more, f"{self.scene.source}/", url])

        return _through(door, Inetd(argv, self.scene.work / "rsyncd.log"), push)


@dataclass(slots=True)
class TarSsh(_Peer):
    """tar, zstd, ssh; for a first pass only."""

    def run(self, door: Door) -> Result:
        """One stream."""
        require("zstd", "tar")
        ssh = SshServer(self.scene)
        there = f"cd {shlex.quote(str(self.scene.target))} && zstd -dqc | {_TAR_OUT}"
        here = f"cd {shlex.quote(str(self.scene.source))} && {_TAR_IN} | zstd -1 -qc"

        def push(port: int) -> Spent:
            client = shlex.join([*ssh.client(port), "127.0.0.1", there])
            return self.measured(["bash", "-o", "pipefail", "-f", "-c", f"{here} | {client}"])

        return _through(door, ssh.inetd(), push)


@dataclass(slots=True)
class Copy(_Peer):
    """`cp -a`: what one process can do without a network; its time is the source's."""

    def run(self, door: Door) -> Result:
        """One copy; ``door`` leads nowhere."""
        del door
        spent = self.measured(["cp", "-a", f"{self.scene.source}/.", str(self.scene.target)])
        return Result(wall=spent.wall, cpu_source=spent.cpu, cpu_target=0.0)


def all_peers(scene: Scene, *, first: bool, one_large: bool) -> list[Tool]:
    """Every peer that makes sense.

    Args:
        first: The target is empty: tar and cp can take part.
        one_large: One large file has changed inside: rsync may be quicker in place.
    """
    more = () if first else ("--delete",)
    ways: dict[str, tuple[str, ...]] = {"": more, "-zstd": (*more, *_ZSTD)}
    if one_large:
        ways["-inplace"] = (*more, "--inplace")
    peers: list[Tool] = []
    for way, flags in ways.items():
        peers.append(RsyncSsh(scene, f"rsync-ssh{way}", flags))
        peers.append(RsyncDaemon(scene, f"rsyncd{way}", flags))
    if first:
        peers += [TarSsh(scene, "tar-zstd-ssh"), Copy(scene, "cp")]
    return peers
