# SPDX-License-Identifier: Apache-2.0
"""What is printed when a stage is over that is carried on by hand."""

from __future__ import annotations

import pytest

from hostlift.cli.texts import ending_lines
from hostlift.flow.results import HandOver


@pytest.mark.parametrize(
    ("stage", "there", "keyless"), [(1, "the source", True), (2, "the machine of stage 1", False)]
)
def test_a_stage_says_what_to_carry_where(stage: int, there: str, keyless: bool) -> None:
    """In the original's words, with the folder and its secret."""
    said = list(ending_lines(HandOver(stage=stage, folder="/srv/move", lives_until=0.0)))
    text = "\n".join(said)
    assert f"Stage {stage} Is Done!" in said
    assert f"/srv/move to {there} " in text
    assert "private key" in text
    assert ("needs no AccessKey" in text) is keyless
