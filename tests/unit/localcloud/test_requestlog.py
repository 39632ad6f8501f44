# SPDX-License-Identifier: Apache-2.0
"""Reading the request log while it grows."""

from __future__ import annotations

import json
from pathlib import Path

from hostlift.localcloud.requestlog import FILE, Wanted, read_log


def _append(folder: Path, *lines: object) -> None:
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def test_a_followed_log_shows_what_comes_later(tmp_path: Path) -> None:
    """Whole lines only, also when they are written in two parts."""
    _append(tmp_path, {"action": "A", "code": ""})
    lines = read_log(tmp_path, Wanted(), follow=True)
    assert next(lines)["action"] == "A"
    with (tmp_path / FILE).open("a", encoding="utf-8") as file:
        file.write('{"action": "B", "co')
        file.flush()
        file.write('de": ""}\n{"action": "C", "code": ""}\n')
    assert [next(lines)["action"], next(lines)["action"]] == ["B", "C"]


def test_a_line_that_a_crash_cut_is_passed_over(tmp_path: Path) -> None:
    """And a log that is not there is empty."""
    assert list(read_log(tmp_path / "none", Wanted())) == []
    _append(tmp_path, {"action": "A", "code": ""})
    with (tmp_path / FILE).open("a", encoding="utf-8") as file:
        file.write('{"action": "cut\n')
    _append(tmp_path, {"job": "disk d-1", "trouble": "full"}, {"action": "B", "code": "X"})
    assert len(list(read_log(tmp_path, Wanted()))) == 3
    failed = list(read_log(tmp_path, Wanted(failed=True)))
    assert [line.get("action", "trouble") for line in failed] == ["trouble", "B"]
    assert [line["action"] for line in read_log(tmp_path, Wanted(action="A*"))] == ["A"]
