# SPDX-License-Identifier: Apache-2.0
"""The tools, each with the options under which it keeps the most; as root, from disk to disk."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostlift import __version__
from hostlift.events import discard
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.model.plan import SourceTree, Volume
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.passes import run_pass
from hostlift.replicate.receiver import Receiver
from hostlift.replicate.roots import private_roots
from hostlift.replicate.sending.options import PassOptions

_TIMEOUT = 600.0
_COMMANDS = SystemCommands()
_VOLUME = "v"


@dataclass(frozen=True)
class Places:
    """Source, target and room for an archive."""

    source: Path
    target: Path
    scratch: Path


@dataclass(frozen=True)
class Copier:
    """A column of the table.

    Attributes:
        program: What must be installed.
        copy: Copies; returns what it complained about, the exit status first.
        line: How it was called, for the page.
    """

    name: str
    program: str
    package: str
    copy: Callable[[Places], str]
    line: str

    @property
    def version(self) -> str:
        """As the program says it; empty when it is not installed."""
        if not self.program:
            return __version__
        if _COMMANDS.which(self.program) is None:
            return ""
        word = "version" if self.program == "restic" else "--version"
        said = _COMMANDS.run([self.program, word], timeout=30).text.splitlines()[0]
        found = re.search(r"\d+(\.\d+)+", said)
        return found[0] if found else said


def _hostlift(at: Places) -> str:
    receiver = Receiver({_VOLUME: at.target}, {_VOLUME: "g"})

    def connect(_stream: int) -> socket.socket:
        ours, theirs = socket.socketpair()
        threading.Thread(target=receiver.serve, args=(theirs,), daemon=True).start()
        return ours

    volume = Volume(
        id=_VOLUME,
        disk=0,
        partition=1,
        mount_point="/",
        file_system="",
        trees=(SourceTree(path="/"),),
    )
    with (
        Manifest.open(at.scratch / "manifest.db") as manifest,
        private_roots([volume], at.source) as sources,
    ):
        manifest.bind(_VOLUME, "g")
        report = run_pass(
            sources=sources,
            manifest=manifest,
            connect=connect,
            options=PassOptions(final=True),
            sink=discard,
            stop=threading.Event(),
            clock=SystemClock(),
        )
    return "; ".join(f"{f.path.decode('utf-8', 'replace')}: {f.reason}" for f in report.findings)


def _run(*lines: Sequence[str], cwd: Path | None = None, home: Path | None = None) -> str:
    """Run commands one after the other, also after a failure; what the first of these said."""
    env = {
        "RESTIC_PASSWORD": "fidelity",
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    }
    if home is not None:
        env |= {"HOME": str(home), "BORG_BASE_DIR": str(home), "XDG_CACHE_HOME": str(home)}
    for line in lines:
        done = _COMMANDS.run(list(line), timeout=_TIMEOUT, cwd=cwd, env=env, check=False)
        if done.status != 0:
            first = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
            return f"exit status {done.status}: {first[0] if first else 'silent'}"
    return ""


def _rsync(at: Places) -> str:
    return _run(["rsync", "-aHAXSx", "--numeric-ids", f"{at.source}/", f"{at.target}/"])


def _cp(at: Places) -> str:
    return _run(["cp", "-ax", f"{at.source}/.", f"{at.target}/"])


_TAR = ("--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls")


def _tar(at: Places) -> str:
    file = str(at.scratch / "all.tar")
    made = _run(
        ["tar", "-cf", file, "--format=posix", "-S", "--one-file-system", *_TAR, "."],
        cwd=at.source,
    )
    return made + _run(["tar", "-xpf", file, "--delay-directory-restore", *_TAR], cwd=at.target)


def _bsdtar(at: Places) -> str:
    file = str(at.scratch / "all.tar")
    keep = ("--acls", "--xattrs", "--fflags")
    made = _run(
        ["bsdtar", "-cf", file, "--format=pax", "--one-file-system", *keep, "."], cwd=at.source
    )
    return made + _run(["bsdtar", "-xpSf", file, "--numeric-owner", *keep], cwd=at.target)


def _borg(at: Places) -> str:
    archive = f"{at.scratch}/repo::a"
    made = _run(
        ["borg", "init", "--encryption=none", f"{at.scratch}/repo"],
        ["borg", "create", "--numeric-ids", "--sparse", "--one-file-system", archive, "."],
        cwd=at.source,
        home=at.scratch,
    )
    line = ["borg", "extract", "--numeric-ids", "--sparse", archive]
    return made + _run(line, cwd=at.target, home=at.scratch)


def _restic(at: Places) -> str:
    repo = ["restic", "--repo", f"{at.scratch}/repo", "--no-cache"]
    made = _run(
        [*repo, "init"],
        [*repo, "backup", "--one-file-system", "."],
        cwd=at.source,
        home=at.scratch,
    )
    line = [*repo, "restore", "latest", "--target", str(at.target)]
    return made + _run(line, home=at.scratch)


COPIERS: tuple[Copier, ...] = (
    Copier("hostlift", "", "", _hostlift, "one pass, both ends on this machine"),
    Copier("rsync", "rsync", "rsync", _rsync, "`rsync -aHAXSx --numeric-ids`"),
    Copier(
        "GNU tar",
        "tar",
        "tar",
        _tar,
        "`tar --format=posix -S --xattrs --xattrs-include=* --acls --numeric-owner`",
    ),
    Copier(
        "bsdtar",
        "bsdtar",
        "libarchive-tools",
        _bsdtar,
        "`bsdtar --format=pax --acls --xattrs --fflags`, extracted with `-pS --numeric-owner`",
    ),
    Copier("cp", "cp", "coreutils", _cp, "`cp -ax`"),
    Copier("borg", "borg", "borgbackup", _borg, "`--numeric-ids --sparse --one-file-system`"),
    Copier("restic", "restic", "restic", _restic, "`restic backup --one-file-system`, `restore`"),
)
