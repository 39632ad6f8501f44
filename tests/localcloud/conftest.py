# SPDX-License-Identifier: Apache-2.0
"""A real server on loopback, and the unmodified official SDKs that drive it."""

from __future__ import annotations

import os

# The credentials library reads the environment while it is imported.
os.environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"

from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
from fakes.papercloud import served  # noqa: E402
from fakes.sdk import Sdk  # noqa: E402

from hostlift.localcloud.config import Settings  # noqa: E402

QUICK = Settings(delay=0.02, watch_period=0.05, workers=2)


@pytest.fixture
def sdk(tmp_path: Path) -> Iterator[Sdk]:
    """The official clients of one account in a cloud of its own."""
    with served(tmp_path, QUICK) as (paper, address):
        yield Sdk(paper, address)
