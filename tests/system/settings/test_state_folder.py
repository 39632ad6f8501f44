# SPDX-License-Identifier: Apache-2.0
"""State folders that cannot be used, as root meets them: modes say nothing, only a write does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostlift.errors import StateError
from hostlift.host.command import SystemCommands
from hostlift.settings.folder import Workspace

pytestmark = pytest.mark.root
COMMANDS = SystemCommands()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    COMMANDS.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], timeout=20)
    try:
        yield folder
    finally:
        COMMANDS.run(["umount", str(folder)], timeout=20)


def refusal(workspace: Workspace) -> StateError:
    with pytest.raises(StateError) as caught:
        workspace.ensure()
    assert "writable" in caught.value.hint
    return caught.value


def test_a_read_only_folder_is_a_state_error(tmp_path: Path) -> None:
    """Root passes every mode; the file system has the last word."""
    with small_disk(tmp_path / "disk") as folder:
        workspace = Workspace(folder / "state")
        workspace.ensure()
        COMMANDS.run(["mount", "-o", "remount,ro", str(folder)], timeout=20)
        assert "Read-only" in refusal(workspace).message


def test_a_full_folder_is_a_state_error_and_loses_nothing(tmp_path: Path) -> None:
    """The probe is taken away again; the state that is there stays."""
    with small_disk(tmp_path / "disk") as folder:
        workspace = Workspace(folder / "state")
        workspace.ensure()
        workspace.client_data.write_text("{}")
        with pytest.raises(OSError, match="No space"):
            (folder / "ballast").write_bytes(bytes(1 << 20))
        assert "No space" in refusal(workspace).message
        assert workspace.client_data.read_text() == "{}"
        assert not (workspace.folder / ".hostlift-probe").exists()


def test_a_protected_state_file_is_a_state_error(tmp_path: Path) -> None:
    """Found before the migration starts, not in the middle of it."""
    workspace = Workspace(tmp_path)
    workspace.ensure()
    workspace.database.write_bytes(b"x")
    file = str(workspace.database)
    COMMANDS.run(["mount", "--bind", file, file], timeout=20)
    try:
        COMMANDS.run(["mount", "-o", "remount,bind,ro", file], timeout=20)
        assert refusal(workspace).subject == file
    finally:
        COMMANDS.run(["umount", file], timeout=20)
