# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from hostlift.localcloud.actions.registry import ACTIONS
from hostlift.localcloud.coverage import page
from hostlift.localcloud.faults.kinds import FaultKind

DOCS = Path(__file__).parents[3] / "docs"


def test_every_action_has_a_line_with_its_parameters() -> None:
    """Mandatory in bold, harmless in italics."""
    text = page()
    assert all(f"| {name} |" in text for _, name in ACTIONS)
    line = next(part for part in text.splitlines() if part.startswith("| CreateImage "))
    assert "**RegionId**" in line
    assert "DiskDeviceMapping" in line
    assert "*DetectionStrategy*" in line
    assert line.endswith("| `image/*` | standing |")


def test_every_kind_of_fault_has_a_line() -> None:
    """With what it does."""
    text = page()
    assert all(f"| `{kind.value}` |" in text for kind in FaultKind)


def test_the_page_in_the_documentation_is_current() -> None:
    """`hostlift cloud coverage > docs/localcloud.md` makes it anew."""
    assert (DOCS / "localcloud.md").read_text() == page()
