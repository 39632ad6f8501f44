# SPDX-License-Identifier: Apache-2.0
"""What is said of files that never go quiet."""

from __future__ import annotations

from hostlift.flow.passes.unrest import line
from hostlift.replicate.changes.heat import Hot, Writer


def test_a_hot_file_is_named_with_its_writers() -> None:
    """The busiest first, with what it was called."""
    hot = Hot(b"/var/log/a\xff", 900, 12, (Writer(7, "nginx", 800), Writer(9, "logger", 100)))
    said = r"never quiet: /var/log/a\xff, changed in 12 seconds, by nginx (7), logger (9)"
    assert line(hot) == said


def test_a_hot_file_whose_writers_are_gone_is_named_too() -> None:
    """Short-lived processes leave events without a name."""
    assert line(Hot(b"/f", 3, 3, ())).endswith("by nobody who is still there")
