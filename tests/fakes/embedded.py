# SPDX-License-Identifier: Apache-2.0
"""The embedded cloud on paper, in threads of this process, behind the Alibaba driver."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hostlift.ports.cloud import Cloud


@contextmanager
def alibaba_on_paper(folder: Path) -> Iterator[Cloud]:
    """A driver whose endpoint is an embedded cloud kept in ``folder``."""
    pytest.skip("the embedded cloud's server is not there yet")
    yield
