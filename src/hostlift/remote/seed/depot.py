# SPDX-License-Identifier: Apache-2.0
"""The archives on the intermediate instance: received, verified, unpacked, chosen.

    HOME/agents/<sha256>/      an unpacked archive; complete, because it was renamed into place
    HOME/agents/current        names the one to start
    HOME/agents/starts         how often it was started without coming up since

Nothing becomes current before every byte of it is on the disk, so killing the machine at any
point leaves either the old archive or the new one. This module travels inside the user data:
standard library only, and errors of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

DIGEST_HEADER = "Hostlift-Sha256"
"""Announces the digest of an uploaded archive, in hex."""
MANIFEST = "manifest.json"
FORMAT = 1
PATIENCE = 5
_ARCHIVE_LIMIT = 1 << 29
_UNPACKED_LIMIT = 1 << 30
_BLOCK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    """Why an archive was not taken; ``status`` is the HTTP status that says so."""

    def __init__(self, code: str, message: str, *, hint: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint or "Run the same command again: the archive is sent anew."
        self.status = status

    def as_refusal(self) -> dict[str, str]:
        """The fields of `hostlift.remote.messages.Refusal`."""
        return {"code": self.code, "message": self.message, "subject": "archive", "hint": self.hint}


@dataclass(frozen=True)
class Unpacked:
    """An archive that can be started."""

    sha256: str
    folder: Path
    python: str
    module: str

    def argv(self, arguments: list[str]) -> list[str]:
        """The command line that starts it.

        The packages of the system stay invisible (``-S``), and so does the working directory.

        Raises:
            Refused: The interpreter it was made for is not here.
        """
        python = interpreter(self.python)
        return [python, "-S", "-s", "-P", "-m", self.module, *arguments]


def interpreter(version: str) -> str:
    """The interpreter of a version such as ``3.11``: this one, or one in the search path.

    Raises:
        Refused: There is none.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise Refused(
            "agent.python",
            f"python{version} is not installed on the intermediate instance",
            hint="Run hostlift with the Python version of the base image, or from its bundle.",
        )
    return found


class Depot:
    """The archives below ``home``."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "agents"
        self._current = self._folder / "current"
        self._starts = self._folder / "starts"

    def tidy(self) -> None:
        """Remove what interrupted uploads left, and archives that are not current any more."""
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        keep = {self._current.name, self._starts.name, self._chosen()}
        for path in self._folder.iterdir():
            if path.name not in keep:
                _remove(path)

    def current(self) -> Unpacked | None:
        """The archive to start, or None when there is none that could be."""
        chosen = self._chosen()
        if not chosen:
            return None
        try:
            return _read_manifest(self._folder / chosen, chosen)
        except (OSError, Refused):
            return None

    def starting(self) -> bool:
        """Count a start; False when too many came to nothing and a fresh upload is needed."""
        try:
            count = int(self._starts.read_text("ascii"))
        except (OSError, ValueError):
            count = 0
        _write(self._starts, str(count + 1))
        return count < PATIENCE

    def running(self) -> None:
        """The archive that was started came up: forget the count."""
        self._starts.unlink(missing_ok=True)

    def upload(self, sha256: str, length: int) -> Upload:
        """Begin to receive an archive.

        Raises:
            Refused: The announcement makes no sense, or the disk has no room for it.
        """
        if not _SHA256.fullmatch(sha256) or not 0 < length <= _ARCHIVE_LIMIT:
            raise Refused("agent.archive", "the digest or the length announced makes no sense")
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return Upload(self._folder, sha256, length, self._install)

    def _chosen(self) -> str:
        try:
            name = self._current.read_text("ascii").strip()
        except (OSError, ValueError):
            return ""
        return name if _SHA256.fullmatch(name) else ""

    def _install(self, sha256: str, unpacked: Path) -> Unpacked:
        made = _read_manifest(unpacked, sha256)
        interpreter(made.python)
        # Before the rename, not after: a folder with the final name is complete, whatever happens.
        os.sync()
        final = self._folder / sha256
        _remove(final)
        unpacked.rename(final)
        _write(self._current, sha256)
        self.running()
        return Unpacked(sha256, final, made.python, made.module)


class Upload:
    """One archive on its way in; leaving the block removes what was not installed."""

    def __init__(
        self, folder: Path, sha256: str, length: int, install: Callable[[str, Path], Unpacked]
    ) -> None:
        name = f"{sha256[:12]}-{secrets.token_hex(4)}"
        self._part = folder / f"{name}.part"
        self._unpacked = folder / f"{name}.unpacking"
        self._sha256 = sha256
        self._left = length
        self._hash = hashlib.sha256()
        self._install = install
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._file = self._part.open("xb")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _tb: TracebackType | None,
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        _remove(self._part)
        _remove(self._unpacked)

    @property
    def left(self) -> int:
        """Bytes still to come."""
        return self._left

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            Refused: More than announced, or the disk is full.
        """
        if len(data) > self._left:
            raise Refused("agent.archive", "the archive is longer than announced")
        if self._file is None:
            raise ValueError("not open")
        try:
            self._file.write(data)
        except OSError as error:
            raise _no_room(error) from error
        self._hash.update(data)
        self._left -= len(data)

    def install(self) -> Unpacked:
        """Verify, unpack and make current; durable when it returns.

        Raises:
            Refused: It is not what was announced, or not an archive that could run here.
        """
        if self._file is None or self._left:
            raise Refused("agent.archive", f"the archive ends {self._left} bytes too early")
        if self._hash.hexdigest() != self._sha256:
            raise Refused("agent.digest", "the archive that arrived is not the one announced")
        try:
            self._file.close()
            _unpack(self._part, self._unpacked)
            return self._install(self._sha256, self._unpacked)
        except OSError as error:
            raise _no_room(error) from error


def _unpack(archive: Path, target: Path) -> None:
    """Unpack regular files, each below ``target``; anything else in the archive is refused."""
    target.mkdir(mode=0o755)
    room = _UNPACKED_LIMIT
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                room -= member.size
                parts = member.name.split("/")
                if not member.isreg() or room < 0 or any(p in ("", ".", "..") for p in parts):
                    raise Refused("agent.archive", f"the archive holds {member.name!r}")
                source = tar.extractfile(member)
                path = target.joinpath(*parts)
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                if source is not None:
                    with source, path.open("xb") as file:
                        shutil.copyfileobj(source, file, _BLOCK)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Refused("agent.archive", f"the archive cannot be unpacked: {error}") from error


def _read_manifest(folder: Path, sha256: str) -> Unpacked:
    try:
        facts = json.loads((folder / MANIFEST).read_bytes())
        if facts["format"] != FORMAT or facts["machine"] != os.uname().machine:
            raise Refused(
                "agent.archive",
                f"the archive (format {facts['format']}, {facts['machine']}) does not fit this"
                f" machine (format {FORMAT}, {os.uname().machine})",
                hint="Choose an instance type of the source's architecture.",
            )
        return Unpacked(sha256, folder, str(facts["python"]), str(facts["module"]))
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        raise Refused("agent.archive", "the archive has no usable manifest") from error


def _no_room(error: OSError) -> Refused:
    return Refused(
        "agent.disk",
        f"the intermediate instance could not store the archive: {error.strerror}",
        hint="Its system disk is full or broken; 'hostlift data clear' and start again.",
        status=507,
    )


def _write(path: Path, text: str) -> None:
    """Replace a small file, durably."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with new.open("x", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)  # noqa: TID251 - hostlift.host does not travel with the user data
    else:
        path.unlink(missing_ok=True)
