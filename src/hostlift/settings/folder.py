# SPDX-License-Identifier: Apache-2.0
"""The state folder: where the user's files and ours are, under the original tool's names."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hostlift.errors import StateError
from hostlift.settings import excludes
from hostlift.settings.user_config import FILE_NAME

_PROBE = ".hostlift-probe"
_PROBE_BYTES = bytes(64 * 1024)
_WILD = frozenset("*?[")
_OWN_NAMES = (
    FILE_NAME,
    "client_data",
    "client_data.*",
    "Excludes",
    "Logs",
    "Check",
    "keys/*/*.key",
    "keys/*/*.crt",
    "receipts",
    _PROBE,
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths below one state folder. Making the object touches nothing."""

    folder: Path

    @property
    def user_config(self) -> Path:
        """The user's wishes."""
        return self.folder / FILE_NAME

    @property
    def client_data(self) -> Path:
        """Readable state: what was created, progress, result."""
        return self.folder / "client_data"

    @property
    def original_data(self) -> Path:
        """The client_data of the original tool that was here first, as it was."""
        return self.folder / "client_data.original"

    @property
    def database(self) -> Path:
        """Manifest and journal (SQLite)."""
        return self.folder / "client_data.db"

    @property
    def progress(self) -> Path:
        """What a running process does right now."""
        return self.folder / "client_data.progress"

    @property
    def frozen(self) -> Path:
        """Who holds the source's writers after a cutover."""
        return self.folder / "client_data.frozen"

    @property
    def excludes(self) -> Path:
        """Folder of the exclude files."""
        return self.folder / "Excludes"

    @property
    def logs(self) -> Path:
        """Folder of the log files."""
        return self.folder / "Logs"

    @property
    def checks(self) -> Path:
        """Folder of check reports."""
        return self.folder / "Check"

    @property
    def hooks(self) -> Path:
        """Folder of the user's own freeze hooks."""
        return self.folder / "hooks.d"

    @property
    def keys(self) -> Path:
        """Folder of this migration's own keys and certificates, for the owner only."""
        return self.folder / "keys"

    @property
    def receipts(self) -> Path:
        """Folder of receipts and their signatures."""
        return self.folder / "receipts"

    def own_patterns(self) -> tuple[str, ...]:
        """Absolute exclude patterns of what is hostlift's here: state and secrets stay home.

        The folder itself may be one with the user's files in it (``/root``), so only our own
        names are listed.
        """
        base = str(self.folder.absolute()).rstrip("/")
        return tuple(_pattern(base, name) for name in _OWN_NAMES)

    def ensure(self) -> None:
        """Make the folder and its subfolders, and prove that they can be written.

        Raises:
            StateError: Read-only, full, or somebody else's; nothing of the user's was changed.
        """
        try:
            for path in (self.folder, self.excludes, self.logs, self.checks, self.hooks):
                path.mkdir(parents=True, exist_ok=True)
            for path in (self.keys, self.receipts):
                path.mkdir(mode=0o700, exist_ok=True)
            self._probe()
        except OSError as error:
            raise StateError(
                f"the state folder cannot be used: {error.strerror}",
                subject=str(error.filename or self.folder),
                hint="Give a writable folder with some MiB of free space (--folder), owned by the"
                " user that runs hostlift, then run the command again.",
            ) from error

    def _probe(self) -> None:
        """Only a write shows a full disk or a read-only remount; as root, modes show nothing."""
        probe = self.folder / _PROBE
        try:
            probe.write_bytes(_PROBE_BYTES)
        finally:
            probe.unlink(missing_ok=True)
        for file in (self.client_data, self.database):
            if file.exists():
                with file.open("ab"):
                    pass


def _pattern(base: str, name: str) -> str:
    """Rsync takes a backslash as an escape only in patterns that have a wildcard."""
    if not _WILD & set(base + name):
        return f"{base}/{name}"
    return "".join("\\" + c if c in _WILD or c == "\\" else c for c in base) + f"/{name}"


def write_template(folder: Path) -> tuple[Path, ...]:
    """Put a user_config.json and the default exclude files where they are missing.

    Returns:
        The files that were written; existing ones are never touched.

    Raises:
        StateError: The folder cannot be written.
    """
    workspace = Workspace(folder)
    workspace.ensure()
    config = (resources.files("hostlift.settings") / "defaults" / FILE_NAME).read_bytes()
    system = workspace.excludes / excludes.file_name(excludes.SYSTEM_DISK)
    wanted = (
        (workspace.user_config, config, 0o600),
        (system, excludes.defaults(excludes.SYSTEM_DISK), 0o644),
    )
    written: list[Path] = []
    for path, content, mode in wanted:
        try:
            path.touch(mode=mode, exist_ok=False)
            path.write_bytes(content)
        except FileExistsError:
            continue
        except OSError as error:
            raise StateError(f"cannot be written: {error.strerror}", subject=str(path)) from error
        written.append(path)
    return tuple(written)
