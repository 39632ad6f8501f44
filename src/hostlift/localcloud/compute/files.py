# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """A draft beside ``file`` that takes its name when the block ends well, else vanishes."""
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    try:
        yield draft
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
