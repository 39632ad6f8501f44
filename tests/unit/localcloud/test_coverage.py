# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hostlift.localcloud.actions.registry import ACTIONS
from hostlift.localcloud.coverage import page


def test_every_action_has_a_line_with_its_parameters() -> None:
    """Mandatory in bold, harmless in italics."""
    text = page()
    assert all(f"| {name} |" in text for _, name in ACTIONS)
    line = next(part for part in text.splitlines() if part.startswith("| CreateImage "))
    assert "**RegionId**" in line
    assert "DiskDeviceMapping" in line
    assert "*DetectionStrategy*" in line
