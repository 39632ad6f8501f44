# SPDX-License-Identifier: Apache-2.0
"""The demo, as a user runs it, and what it must have shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hostlift.localcloud.images import cache
from hostlift.model.baseline import Section
from hostlift.verify.signoff import TITLES

pytestmark = [pytest.mark.vm, pytest.mark.slow]
ROOT = Path(__file__).parent.parent.parent
LIMIT = 2400.0


def tail(text: str) -> str:
    return "\n".join(text.splitlines()[-60:])


def namespaces() -> set[str]:
    done = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in done.stdout.splitlines()}


@pytest.fixture(scope="module")
def namespaces_before() -> set[str]:
    return namespaces()


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory, namespaces_before: set[str]) -> dict[str, Any]:
    del namespaces_before  # only taken before
    file = tmp_path_factory.mktemp("demo") / "facts.json"
    page = file.with_name("page.html")
    line = [sys.executable, "-m", "demo.run", "--json", str(file), "--page", str(page)]
    done = subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, tail(done.stdout) + tail(done.stderr)
    return json.loads(file.read_text())


def test_the_copy_answers_as_the_source(facts: dict[str, Any]) -> None:
    """Pages, the second disk, the orders, their invariant, the last row before the freeze, the log."""
    assert facts["finished"]
    answers = {answer["name"]: answer for answer in facts["answers"]}
    assert set(answers) == {"nginx", "/data", "orders", "consistency", "freeze", "order log"}
    assert {name for name, answer in answers.items() if not answer["same"]} == set()


def test_everything_was_read_back_and_is_equal(facts: dict[str, Any]) -> None:
    """The receipt's roots of source and target agree for both volumes."""
    volumes = facts["report"]["volumes"]
    assert sorted(v["mount_point"] for v in volumes) == ["/", "/data"]
    assert all(v["source_root"] == v["target_root"] for v in volumes)
    assert all(v["entries"] > 100 for v in volumes)


def test_the_freeze_was_short_and_the_edits_are_recorded(facts: dict[str, Any]) -> None:
    """Writers stood still for seconds; what was changed to boot is listed with its reason."""
    report = facts["report"]
    assert 0 < report["freeze_seconds"] <= 240
    edits = {edit["path"]: edit for edit in report["edits"]}
    assert "/etc/network/interfaces" in edits
    assert all(edit["why"] for edit in edits.values())


def test_the_trial_instance_proved_the_image(facts: dict[str, Any]) -> None:
    """The beacon on the trial's console said what it should."""
    boot = facts["report"]["boot"]
    assert boot["problems"] == []
    assert boot["facts"]["hostname"] == "shop01"


def test_the_copy_is_signed_off_by_what_it_says_itself(facts: dict[str, Any]) -> None:
    """Every section was compared on the booted copy; what had to change is told with its reason."""
    verdict = facts["verdict"]
    said = verdict["said"].splitlines()
    assert said[-1] == "OK", verdict["said"]
    results = {line.partition(" ..")[0]: line for line in said if " .." in line}
    assert {*TITLES.values(), "Receipt of the copy"} <= set(results)
    assert not [line for line in results.values() if "not compared" in line]
    for part in (Section.MOUNTS, Section.FAILED, Section.USERS, Section.PACKAGES):
        assert "same" in results[TITLES[part]]
    told = [line for line in said if line.startswith("    ")]
    assert any("kernel arguments" in t and "those of the cloud" in t for t in told)
    assert any("default" in t and "another network" in t for t in told)
    edits = {edit["path"] for edit in facts["report"]["edits"]}
    assert all(any(f" {path}: " in t for t in told) for path in edits)
    page = Path(verdict["page"]).read_text()
    assert "Nothing differs that should not." in page
    assert "Signature" in page


def test_nothing_billed_is_left_but_the_image(facts: dict[str, Any]) -> None:
    """One image and its two snapshots are kept; instances, group and networks were released."""
    report = facts["report"]
    assert report["kept"][0] == report["image"]
    assert len(report["kept"]) == 3
    assert len(report["released"]) >= 4


def test_the_machine_is_as_before(facts: dict[str, Any], namespaces_before: set[str]) -> None:
    """No network and no working folder of the demo is left."""
    assert facts["good"]
    assert namespaces() <= namespaces_before
    assert not (cache.folder().parent / "demo").exists()
