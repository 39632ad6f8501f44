# SPDX-License-Identifier: Apache-2.0
"""Times of the day, intervals, and changing one number in a user's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hostlift.errors import ConfigError
from hostlift.settings import edit, rules, windows
from hostlift.settings.loading import load
from hostlift.settings.user_config import Settings

HOUR = 3600


def test_a_span_may_pass_midnight() -> None:
    """Its end is the first minute that is no longer in it."""
    night = windows.parse("22:00-06:00")
    assert [h for h in (0, 5, 6, 12, 21, 22, 23) if night.is_open(h * HOUR)] == [0, 5, 22, 23]
    assert night.is_open(6 * HOUR - 1)


def test_the_time_until_it_opens_is_counted_to_the_nearest_span() -> None:
    """Several spans a day."""
    both = windows.parse("12:00-13:00, 22:00-06:00")
    assert both.opens_in(7 * HOUR) == 5 * HOUR
    assert both.opens_in(13 * HOUR) == 9 * HOUR
    assert both.opens_in(12.5 * HOUR) == 0


def test_no_window_is_always_open() -> None:
    """As before."""
    assert windows.parse("").is_open(12 * HOUR)
    assert windows.parse(" ").opens_in(0) == 0


def test_a_span_may_end_with_the_day() -> None:
    """24:00 is the end of it."""
    day = windows.parse("08:00-24:00")
    assert day.is_open(23.9 * HOUR)
    assert not day.is_open(0)


@pytest.mark.parametrize(
    "text", ["22-06", "22:00", "25:00-06:00", "22:60-06:00", "08:00-08:00", "8:00-24:01", "a,b"]
)
def test_what_is_no_window_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """The key, the value and the form it should have."""
    (tmp_path / "user_config.json").write_text(json.dumps({"bandwidth_window": text}))
    with pytest.raises(ConfigError, match="bandwidth_window") as caught:
        load(tmp_path, overrides={}, environ={}, complete=False)
    assert "22:00-06:00" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), (" 2 h ", 7200), ("1d", 86400)]
)
def test_intervals_have_a_unit(text: str, seconds: float) -> None:
    """Seconds, minutes, hours, days."""
    assert rules.interval(text) == seconds


@pytest.mark.parametrize("text", ["15", "m", "-5m", "1.5h", "5s", "0m", ""])
def test_what_is_no_interval_is_refused(text: str) -> None:
    """Nothing is guessed; less than ten seconds is no interval between passes."""
    with pytest.raises(ValueError, match=r"not a time|less than"):
        rules.interval(text)


def test_the_new_keys_have_careful_defaults() -> None:
    """A source that serves is given way to; nothing is limited; rehearsals leave nothing."""
    settings = Settings()
    assert settings.source_priority == "low"
    assert (settings.source_cpu_limit, settings.bandwidth_window) == (0, "")
    assert (settings.sync_keep_hours, settings.keep_rehearsals) == (24, False)


AS_WRITTEN = """{
  "region_id" : "cn-hangzhou",

  "bandwidth_limit"  :  512 ,
\t"image_name": "\\"bandwidth_limit\\": 7", "platform": ""
}
"""


def test_only_the_number_changes() -> None:
    """Blanks, order, the last line, and a string that looks like the key: all stay."""
    changed = edit.with_number(AS_WRITTEN, "bandwidth_limit", 0)
    assert changed == AS_WRITTEN.replace("512", "0")


def test_a_missing_key_becomes_the_first() -> None:
    """In the indentation of the file."""
    text = '{\n    "region_id": "cn-hangzhou"\n}\n'
    assert edit.with_number(text, "bandwidth_limit", 9) == (
        '{\n    "bandwidth_limit": 9,\n    "region_id": "cn-hangzhou"\n}\n'
    )
    assert json.loads(edit.with_number("{}", "bandwidth_limit", 9)) == {"bandwidth_limit": 9}


def test_a_value_that_is_no_number_is_replaced_all_the_same() -> None:
    """Then the file is laid out anew: better than a limit that does not come."""
    assert json.loads(edit.with_number('{"a": 1, "k": null}', "k", 3)) == {"a": 1, "k": 3}


def test_a_key_inside_a_disk_is_not_the_one_that_is_meant() -> None:
    """Only the top level counts."""
    text = '{"disks": [{"k": 1}], "k": 1}'
    assert edit.with_number(text, "k", 2) == '{"disks": [{"k": 1}], "k": 2}'


def test_a_broken_file_is_left_alone(tmp_path: Path) -> None:
    """The error names it."""
    file = tmp_path / "user_config.json"
    file.write_text("{")
    with pytest.raises(ConfigError, match="not valid JSON"):
        edit.read_text(file)
