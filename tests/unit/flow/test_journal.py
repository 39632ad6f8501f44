# SPDX-License-Identifier: Apache-2.0
"""The journal: what is appended is folded the same now and after a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fakes.clock import FakeClock

from hostlift.errors import StateError
from hostlift.flow.client_data import view
from hostlift.flow.journal import Holding, Record, open_journal


def test_state_after_reopening_equals_state_while_writing(tmp_path: Path) -> None:
    """Nothing is stored beside the rows: folding them again gives the same state."""
    with open_journal(tmp_path / "db", FakeClock()) as journal:
        journal.append(Record.MIGRATION, id="m-1")
        journal.append(Record.STARTED, step="plan", fingerprint="f")
        journal.append(Record.DONE, step="plan", fingerprint="f", result="{}")
        journal.append(Record.INTENT, role="vpc", attempt=1, kind="vpc", params={"a": 1})
        journal.append(Record.CREATED, role="vpc", attempt=1, kind="vpc", id="vpc-1")
        before = journal.state
    with open_journal(tmp_path / "db", FakeClock()) as journal:
        assert journal.state == before
        held = journal.state.latest("vpc")
        assert held is not None
        assert (held.id, held.life, held.params) == ("vpc-1", Holding.HELD, {"a": 1})


def test_a_new_migration_row_makes_everything_before_it_history(tmp_path: Path) -> None:
    """After giving up, the next migration starts with empty hands."""
    with open_journal(tmp_path / "db", FakeClock()) as journal:
        journal.append(Record.MIGRATION, id="m-1")
        journal.append(Record.INTENT, role="vpc", attempt=1, kind="vpc", params={})
        journal.append(Record.FINISHED)
        journal.append(Record.MIGRATION, id="m-2")
        assert journal.state.migration == "m-2"
        assert not journal.state.live()
        assert not journal.state.finished


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    """A broken state file gets one clear error that names it, and stays as it is."""
    path = tmp_path / "client_data.db"
    path.write_bytes(b"this is no database at all, but long enough to look like one" * 20)
    with pytest.raises(StateError, match=r"client_data\.db"), open_journal(path, FakeClock()):
        pass
    assert path.read_bytes().startswith(b"this is no database")


def test_rows_of_another_version_are_refused(tmp_path: Path) -> None:
    """An unknown kind of row is never skipped silently."""
    path = tmp_path / "client_data.db"
    with open_journal(path, FakeClock()) as journal:
        journal.append(Record.MIGRATION, id="m-1")
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO journal (at, kind, body) VALUES (1, 'sung', '{}')")
    db.close()
    with (
        pytest.raises(StateError, match="not a journal of this version"),
        open_journal(path, FakeClock()),
    ):
        pass


def test_every_row_is_shown_to_the_observer(tmp_path: Path) -> None:
    """client_data follows the journal row by row."""
    seen: list[str] = []
    with open_journal(tmp_path / "db", FakeClock(), lambda s: seen.append(s.running)) as journal:
        journal.append(Record.MIGRATION, id="m-1")
        journal.append(Record.STARTED, step="plan", fingerprint="f")
    assert seen == ["", "plan"]


def test_snapshots_are_shown_by_their_disks_whenever_they_were_made(tmp_path: Path) -> None:
    """Over the longer way to an image the system disk's is the last."""
    with open_journal(tmp_path / "db", FakeClock()) as journal:
        journal.append(Record.MIGRATION, id="m-1")
        for role, attempt in (("snapshot-0", 1), ("snapshot-1", 1), ("snapshot-0", 2)):
            what = {"role": role, "attempt": attempt, "kind": "snapshot"}
            journal.append(Record.INTENT, **what, params={})
            journal.append(Record.CREATED, **what, id=f"{role}.{attempt}")
            if role == "snapshot-1":
                journal.append(Record.GONE, role="snapshot-0", attempt=1)
        shown = view(journal.state)["snapshot_ids"]
    assert shown == ["snapshot-0.2", "snapshot-1.1"]


def test_passes_rehearsals_and_promises_survive_a_restart(tmp_path: Path) -> None:
    """They are rows like all others."""
    with open_journal(tmp_path / "db", FakeClock()) as journal:
        journal.append(Record.MIGRATION, id="m-1")
        journal.append(Record.STARTED, step="sync", fingerprint="")
        assert journal.state.running == "sync"
        journal.append(Record.COPIED, instance="i-1", files=3)
        journal.append(Record.REHEARSAL, number=1)
        journal.append(Record.KEPT, until=99.0)
        state = journal.state
    with open_journal(tmp_path / "db", FakeClock()) as journal:
        assert journal.state == state
    assert state.running == ""
    assert (state.rehearsal, state.rehearsals, state.kept_until) == (1, 1, 99.0)
    assert [body["files"] for body in state.passes] == [3]


def test_reopening_forgets_what_came_after_the_copy(tmp_path: Path) -> None:
    """The site stays; everything from the frozen pass on is to be done again."""
    with open_journal(tmp_path / "db", FakeClock()) as journal:
        journal.append(Record.MIGRATION, id="m-1")
        journal.append(Record.REHEARSAL, number=1)
        for step in ("provision", "replicate", "adapt", "capture"):
            journal.append(Record.STARTED, step=step, fingerprint="f")
            journal.append(Record.DONE, step=step, fingerprint="f", result="{}")
        journal.append(Record.STARTED, step="verify", fingerprint="f")
        journal.append(Record.REOPENED)
        assert set(journal.state.done) == {"provision"}
        assert journal.state.begun == {"provision"}
        assert (journal.state.rehearsal, journal.state.rehearsals) == (0, 1)
