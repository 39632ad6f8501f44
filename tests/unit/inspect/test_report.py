# SPDX-License-Identifier: Apache-2.0
"""The report in its three forms."""

from __future__ import annotations

import json
from pathlib import Path

from builders import a_machine

from hostlift.inspect.report import json_report, text_report, write_report
from hostlift.model.finding import Finding, Severity

FINE = Finding(check="hostlift.Clock", severity=Severity.OK, title="Clock", evidence="1 s")
NOTE = Finding(check="GUESTOS.Selinux", severity=Severity.NOTE, title="SELinux", evidence="on")
WARN = Finding(
    check="GUESTOS.Dhcp", severity=Severity.WARNING, title="Net", evidence="static", remedy="look"
)
BAD = Finding(
    check="GUESTOS.Grub", severity=Severity.BLOCKER, title="Grub", evidence="old", remedy="renew"
)
NOW = 1_800_000_000.0


def test_the_last_line_is_ok_when_nothing_blocks() -> None:
    """Scripts of the original tool look at the ends of lines; a warning does not fail."""
    told = list(text_report(a_machine(), [FINE, NOTE, WARN]))
    assert told[-1] == "OK"
    checks = [line for line in told if line.startswith("Check ")]
    assert checks[0].endswith("[  OK  ]")
    assert checks[1].endswith("[  OK  ]")
    assert checks[2].endswith("[WARNING]")
    assert "2 items are OK." in told
    assert "    1 s" not in told
    assert "    1 s" in list(text_report(a_machine(), [FINE], verbose=True))


def test_a_blocker_fails_with_evidence_and_remedy() -> None:
    """The line says FAILED, and so does the last one."""
    told = list(text_report(a_machine(), [FINE, BAD]))
    assert told[-1] == "FAILED"
    at = next(i for i, line in enumerate(told) if line.endswith("[FAILED]"))
    assert told[at + 1 : at + 3] == ["    old", "    -> renew"]


def test_the_json_form_has_the_keys_of_image_check() -> None:
    """Plus severity, evidence and remedy."""
    report = json.loads(json_report(a_machine(), [BAD], NOW))
    assert (report["result"], report["os_big_version"]) == ("FAILED", "12")
    item = report["check_items"][0]
    assert (item["name"], item["result"], item["remedy"]) == ("GUESTOS.Grub", "FAILED", "renew")


def test_the_report_file_is_named_by_its_time(tmp_path: Path) -> None:
    """In UTC; names that are not UTF-8 do not break it."""
    odd = Finding(check="x", severity=Severity.OK, title="t", evidence="caf\udce9")
    file = write_report(tmp_path, a_machine(), [odd], NOW)
    assert file.name == "client_check_report_2027-01-15_08-00-00.json"
    assert json.loads(file.read_text())["result"] == "OK"
