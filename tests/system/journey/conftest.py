# SPDX-License-Identifier: Apache-2.0
"""The source of the whole journeys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
from fakes.source_disks import attached

from demo.source import disks


@pytest.fixture(scope="module")
def partitions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[tuple[str, str]]]:
    """The source's root and /data as block devices."""
    built = disks.build(lambda _line: None)
    scratch = tmp_path_factory.mktemp("source")
    with ExitStack() as stack:
        system = stack.enter_context(attached(built.system, scratch))
        data = stack.enter_context(attached(built.data, scratch))
        yield ((f"{system}p1", "/"), (f"{data}p1", "/data"))
