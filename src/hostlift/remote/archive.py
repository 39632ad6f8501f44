# SPDX-License-Identifier: Apache-2.0
"""The archive that runs on the intermediate instance, made from the running environment.

What runs there is what runs here: this package and the distributions that the agent needs, with
their compiled files. Nothing is downloaded. Equal content gives equal bytes, so the digest names
the agent's version and a new client never talks to an old agent.

    manifest.json    format, python (major.minor), machine, module to start, version
    lib/             what goes on the module search path
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import hostlift
from hostlift.errors import StateError
from hostlift.host.files import atomic_write
from hostlift.remote.closure import distributions, files_of, wanted
from hostlift.remote.seed.depot import FORMAT, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AGENT_MODULE = "hostlift.agent"
_NOT_FOR_THE_AGENT = frozenset(
    (
        "clouds",
        "flow",
        "service",
        "cli",
        "console",
        "fleet",
        "localcloud",
        "inspect",
        "plan",
        "verify",
    )
)
_LIB = "lib/"


@dataclass(frozen=True, slots=True)
class Archive:
    """A finished archive file."""

    path: Path
    sha256: str
    size: int


def build(folder: Path) -> Archive:
    """The archive of this environment, from ``folder`` when it was built before.

    Older archives in ``folder`` are removed: it holds one.

    Raises:
        HostError: A distribution the agent needs is not installed in a usable way.
        StateError: ``folder`` cannot be written.
    """
    return build_from(folder, contents())


def build_from(folder: Path, files: Iterable[tuple[str, Path]]) -> Archive:
    """Make or find the archive of ``(name in the archive, file)`` pairs."""
    loaded = [(name, path.read_bytes()) for name, path in sorted(files)]
    loaded.insert(0, (MANIFEST, _manifest()))
    path = folder / f"agent-{_fingerprint(loaded)}.tar.gz"
    if not path.exists():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in folder.glob("agent-*.tar.gz"):
                old.unlink(missing_ok=True)
            atomic_write(path, _pack(loaded))
        except OSError as error:
            raise StateError(f"cannot be written: {error.strerror}", subject=str(folder)) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Archive(path, digest, path.stat().st_size)


def contents() -> Iterator[tuple[str, Path]]:
    """Name in the archive and path of everything that goes in."""
    package = Path(hostlift.__file__).parent
    for parent, folders, names in os.walk(package):
        relative = PurePosixPath(package.name, Path(parent).relative_to(package).as_posix())
        if Path(parent) == package:
            folders[:] = [f for f in folders if f not in _NOT_FOR_THE_AGENT]
        for name in names:
            if wanted(relative / name):
                yield f"{_LIB}{relative / name}", Path(parent, name)
    for distribution in distributions():
        for name, path in files_of(distribution):
            yield _LIB + name, path


def _manifest() -> bytes:
    facts = {
        "format": FORMAT,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "machine": os.uname().machine,
        "module": AGENT_MODULE,
        "version": hostlift.__version__,
    }
    return json.dumps(facts, sort_keys=True).encode()


def _fingerprint(files: list[tuple[str, bytes]]) -> str:
    whole = hashlib.sha256()
    for name, data in files:
        whole.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return whole.hexdigest()[:32]


def _pack(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=buffer, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o644
            member.uname = member.gname = "root"
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
