# SPDX-License-Identifier: Apache-2.0
"""Names in doubt by the thousand, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

from fakes.replication import rig

from hostlift.model.entry import Entry, Kind, Meta
from hostlift.replicate import waves
from hostlift.replicate.manifest import Manifest
from hostlift.replicate.rows import Row, State

FILE, LINK = int(Kind.FILE), int(Kind.SYMLINK)


def test_what_was_noted_and_never_acknowledged_is_in_doubt(tmp_path: Path) -> None:
    """And what was acknowledged stays settled; the waves are gone."""
    meta = Meta(mode=0o644, uid=0, gid=0, mtime_ns=5)
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        with manifest.transaction() as db:
            waves.note(db, 1, [b"a", b"b\0\xff"], bytes([FILE, LINK]))
            waves.note(db, 1, [b"c"], bytes([FILE]))
        entry = Entry(path=b"a", kind=Kind.FILE, meta=meta, size=3).pack()
        manifest.settle(1, [Row(b"a", FILE, 0, 7, 8, 3, State.SETTLED, None, entry)])
        waves.recall(manifest)
        rows = manifest.db.execute("SELECT key, kind, state FROM rep_entry ORDER BY key").fetchall()
        assert rows == [(b"a", FILE, 0), (b"b\0\xff", LINK, 1), (b"c", FILE, 1)]
        assert manifest.db.execute("SELECT count(*) FROM rep_wave").fetchone() == (0,)


def test_another_target_knows_nothing_of_them(tmp_path: Path) -> None:
    """Names of a volume that was made anew are not in doubt on the new one."""
    with Manifest.open(tmp_path / "db") as manifest:
        manifest.bind("v", "g")
        with manifest.transaction() as db:
            waves.note(db, 1, [b"a"], bytes([FILE]))
        manifest.bind("v", "another")
        waves.recall(manifest)
        assert manifest.is_empty(1)


def test_a_first_pass_leaves_no_wave_behind(tmp_path: Path) -> None:
    """Also when an object vanished before it was read: that one is in doubt."""
    it = rig(tmp_path)
    for name in "abc":
        (it.source / name).write_text(name)
    it.run()
    with it.opened() as manifest:
        assert manifest.db.execute("SELECT count(*) FROM rep_wave").fetchone() == (0,)
