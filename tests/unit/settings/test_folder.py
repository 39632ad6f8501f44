# SPDX-License-Identifier: Apache-2.0
"""The state folder and the exclude files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hostlift.errors import ConfigError, StateError
from hostlift.settings import excludes
from hostlift.settings.folder import Workspace, write_template
from hostlift.settings.loading import load


def test_the_template_has_the_original_keys_and_never_overwrites(tmp_path: Path) -> None:
    """A second call writes nothing; the file is for its owner only."""
    written = write_template(tmp_path)
    assert [p.name for p in written] == ["user_config.json", "rsync_excludes_linux.txt"]
    assert list(json.loads(written[0].read_text())) == [
        "access_id",
        "secret_key",
        "region_id",
        "image_name",
        "system_disk_size",
        "platform",
        "architecture",
        "bandwidth_limit",
        "data_disks",
    ]
    assert written[0].stat().st_mode & 0o777 == 0o600
    assert write_template(tmp_path) == ()


def test_the_filled_template_is_accepted(tmp_path: Path) -> None:
    """What we write we can read."""
    write_template(tmp_path)
    given = {"region_id": "cn-beijing", "image_name": "ab"}
    assert load(tmp_path, overrides=given, environ={}).system_disk_size == -1


def test_ensure_makes_every_folder(tmp_path: Path) -> None:
    """Keys and receipts are for the owner only; no probe stays behind."""
    workspace = Workspace(tmp_path / "new/state")
    workspace.ensure()
    names = sorted(p.name for p in workspace.folder.iterdir())
    assert names == ["Check", "Excludes", "Logs", "hooks.d", "keys", "receipts"]
    assert workspace.keys.stat().st_mode & 0o777 == 0o700


def test_a_file_in_place_of_the_folder_is_a_state_error(tmp_path: Path) -> None:
    """The error names the object and what to do."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError) as caught:
        Workspace(tmp_path / "state").ensure()
    assert str(tmp_path / "state") in caught.value.subject
    assert "writable" in caught.value.hint


def test_own_patterns_name_state_but_not_the_folder(tmp_path: Path) -> None:
    """The folder may be /root: the user's files in it must travel."""
    patterns = Workspace(Path("/root/a[1]")).own_patterns()
    assert r"/root/a\[1]/user_config.json" in patterns
    assert r"/root/a\[1]/keys/*/*.key" in patterns
    assert not {r"/root/a\[1]", r"/root/a\[1]/", r"/root/a\[1]/*"} & set(patterns)


def test_own_patterns_escape_only_where_rsync_reads_escapes(tmp_path: Path) -> None:
    """A backslash in a name is literal in a pattern without wildcards."""
    patterns = Workspace(Path("/a\\b")).own_patterns()
    assert "/a\\b/client_data" in patterns
    assert "/a\\\\b/client_data.*" in patterns


def test_missing_exclude_files_mean_the_defaults(tmp_path: Path) -> None:
    """The original's defaults are all there; a data disk has its own."""
    patterns = excludes.read(tmp_path / "Excludes", (3,))
    originals = {"/dev/*", "/sys/*", "/proc/*", "/media/*", "lost+found/*", "/mnt/*"}
    assert originals | {"/var/lib/lxcfs/*"} <= set(patterns[0])
    assert patterns[3] == ("lost+found/*",)


def test_an_empty_exclude_file_means_no_excludes(tmp_path: Path) -> None:
    """Who empties the file wants everything."""
    (tmp_path / "rsync_excludes_linux.txt").write_text("")
    assert excludes.read(tmp_path) == {0: ()}


def test_patterns_keep_order_blanks_and_foreign_bytes(tmp_path: Path) -> None:
    """Comment lines and line ends go, everything else stays byte for byte."""
    raw = b"# note\n; note\n/b c/\r\n\n*.tmp\n/caf\xe9/*\n"
    (tmp_path / "rsync_excludes_linux_disk2.txt").write_bytes(raw)
    patterns = excludes.read(tmp_path, (2,))[2]
    assert patterns[:2] == ("/b c/", "*.tmp")
    assert patterns[2].encode("utf-8", "surrogateescape") == b"/caf\xe9/*"


def test_an_unreadable_exclude_file_is_a_config_error(tmp_path: Path) -> None:
    """Silently copying what should be left out is not an option."""
    (tmp_path / "rsync_excludes_linux.txt").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        excludes.read(tmp_path)
