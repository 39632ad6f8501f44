# SPDX-License-Identifier: Apache-2.0
"""A cloud on paper whose clock and work the test drives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.calls import Calls
from fakes.papercloud import PaperCloud, paper_cloud


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[PaperCloud]:
    """Up, with nothing in it."""
    found = paper_cloud(tmp_path / "cloud")
    yield found
    found.close()


@pytest.fixture
def calls(paper: PaperCloud) -> Calls:
    """Signed calls into it."""
    return Calls(paper)
