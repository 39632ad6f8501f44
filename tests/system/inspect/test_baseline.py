# SPDX-License-Identifier: Apache-2.0
"""The baseline of the machine that runs the tests, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.errors import ConfigError, StateError, VerifyError
from hostlift.events import discard
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.inspect.facts.collect import take
from hostlift.model.baseline import VERSION, Baseline, Section
from hostlift.model.receipt import Receipt
from hostlift.service import jobs
from hostlift.service.signing import compare_with, take_baseline
from hostlift.service.wiring import Options
from hostlift.verify import signoff, signpage
from hostlift.verify.receipt import new_key, write_receipt

pytestmark = pytest.mark.root


def test_this_machine_can_be_taken() -> None:
    """Whatever it is: nothing raises, and no section is forgotten."""
    seen = take(Path("/"), commands=SystemCommands(), clock=SystemClock())
    assert set(seen.sections) | set(seen.unknown) == set(Section)


def test_a_server_compared_with_itself_lacks_nothing_lasting() -> None:
    """Sockets come and go here while tests run; all else stays."""
    before = take(Path("/"), commands=SystemCommands(), clock=SystemClock())
    now = take(Path("/"), commands=SystemCommands(), clock=SystemClock())
    lasting = [line for line in signoff.compare(before, now) if line.section not in _RESTLESS]
    assert signpage.good(lasting)


_RESTLESS = {Section.LISTENING, Section.MOUNTS, Section.SIZES, Section.ADDRESSES, Section.ROUTES}


def test_a_baseline_is_written_compared_and_signed_off(tmp_path: Path) -> None:
    """What `hostlift baseline` and `hostlift verify --against` do."""
    file, page = tmp_path / "b.json", tmp_path / "page.html"
    take_baseline(file, Path("/"))
    assert file.stat().st_mode & 0o777 == 0o600
    arrival = compare_with(file, Path("/"), receipt=None, page=page)
    assert {line.section for line in arrival.lines} == set(Section)
    assert arrival.text()[-1] in {"OK", "FAILED"}
    assert "Signature" in page.read_text()


def test_the_receipt_of_another_migration_is_refused(tmp_path: Path) -> None:
    """Its edits would excuse differences that are none of its own."""
    before = Baseline(
        hostname="a", taken_at=0.0, sections={}, unknown={}, migration="m-1", version=VERSION
    )
    file = tmp_path / "b.json"
    file.write_text(signoff.as_json(before))
    receipt = Receipt(migration="m-2", hostname="a", made_at="", volumes=(), differences=())
    other = write_receipt(tmp_path / "r.json", receipt, new_key())
    with pytest.raises(VerifyError, match="of migration m-2"):
        compare_with(file, Path("/"), receipt=other, page=None)


def test_a_page_that_cannot_be_written_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="nowhere"):
        take_baseline(tmp_path / "nowhere/b.json", Path("/"))
    with pytest.raises(ConfigError, match="no system"):
        take_baseline(tmp_path / "b.json", tmp_path)


def test_check_fix_closes_a_configuration_that_others_can_read(tmp_path: Path) -> None:
    config = tmp_path / "user_config.json"
    config.write_text("{}")
    config.chmod(0o644)
    asked: list[str] = []

    def agree(what: str, _undo: str) -> bool:
        asked.append(what)
        return "chmod 600" in what

    done = jobs.fix(Options(folder=tmp_path, sink=discard), agree)
    assert [what for what in asked if "chmod 600" in what] == list(done)
    assert config.stat().st_mode & 0o777 == 0o600
