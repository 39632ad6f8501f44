# SPDX-License-Identifier: Apache-2.0
"""Markers, guards and the path to the fakes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

# How long an example takes says more about the machine than about the code.
# Where many changes share one gate, the same examples run each time; elsewhere they are new.
settings.register_profile(
    "hostlift",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize="CI" in os.environ,
)
settings.load_profile("hostlift")

_guarded: set[str] = set()


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _guarded:
        return
    if event == "subprocess.Popen":
        raise AssertionError(f"a unit test starts a process: {args[1]}")
    if event == "socket.connect" and not isinstance(args[1], (str, bytes)):
        raise AssertionError(f"a unit test connects to {args[1]}")


sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def _no_processes_and_no_network_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    _guarded.update({"unit", "property"} & set(Path(request.node.path).relative_to(HERE).parts))
    yield
    _guarded.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow rings run last; without root the root ring is reported as skipped."""
    items.sort(key=lambda i: ("vm" in i.keywords, "root" in i.keywords))
    if os.geteuid() != 0:
        for item in items:
            if "root" in item.keywords or "vm" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs root"))
