# SPDX-License-Identifier: Apache-2.0
"""A real server on loopback, and the unmodified official SDKs that drive it."""

from __future__ import annotations

import os

# The credentials library reads the environment while it is imported.
os.environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.papercloud import served
from fakes.sdk import Sdk

from hostlift.localcloud.config import (
    MAIN,
    AccountSettings,
    RoleSettings,
    Settings,
    UserSettings,
)

QUICK = Settings(
    delay=0.02,
    linger=0.02,
    watch_period=0.05,
    workers=2,
    accounts=(
        AccountSettings(
            name=MAIN,
            users=(UserSettings(name="mover", policies=("AliyunSTSAssumeRoleAccess",)),),
            roles=(RoleSettings(name="mover", policies=("AliyunECSReadOnlyAccess",)),),
        ),
        AccountSettings(name="partner"),
    ),
)


@pytest.fixture
def sdk(tmp_path: Path) -> Iterator[Sdk]:
    """The official clients of one account in a cloud of its own."""
    with served(tmp_path, QUICK) as (paper, address):
        yield Sdk(paper, address)
