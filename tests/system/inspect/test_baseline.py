# SPDX-License-Identifier: Apache-2.0
"""The baseline of the machine that runs the tests, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.inspect.facts.collect import take
from hostlift.model.baseline import Section
from hostlift.verify import signoff, signpage

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
