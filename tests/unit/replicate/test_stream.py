# SPDX-License-Identifier: Apache-2.0
"""How a stream keeps both ends busy: what it asks for, and what it holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.replication import rig
from fakes.trees import look

MIB = 1 << 20


@pytest.mark.parametrize("streams", [1, 3])
def test_a_small_window_is_acknowledged_before_the_receiver_would(
    tmp_path: Path, streams: int
) -> None:
    """By itself it waits a second for more before it syncs: forty windows would take as long."""
    it = rig(tmp_path)
    for index in range(40):
        (it.source / f"{index}").write_bytes(os.urandom(MIB))
    report = it.run(window=MIB // 2, streams=streams, level=0)
    assert report.seconds < 10 / streams
    assert look(it.source) == look(it.target)
