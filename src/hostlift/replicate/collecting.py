# SPDX-License-Identifier: Apache-2.0
"""Python's search for reference cycles, less often while a pass handles very many small tuples.

They form no cycles and go when they are acknowledged, but the collector looks through all that are
there after every 700 new ones: 2-3 of 45 microseconds a file.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_YOUNG = 20_000


@contextlib.contextmanager
def fewer_collections() -> Iterator[None]:
    """Within the block, which is not entered by several threads, cycles wait longer."""
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
