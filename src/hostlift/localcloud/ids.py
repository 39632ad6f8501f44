# SPDX-License-Identifier: Apache-2.0
"""Ids as the API makes them: a prefix, a region mark, seventeen letters and digits."""

from __future__ import annotations

import secrets
import string
import uuid

_LETTERS = string.digits + string.ascii_lowercase


def new_id(prefix: str) -> str:
    """``i-bp1…``: never given before."""
    return f"{prefix}-bp1{''.join(secrets.choice(_LETTERS) for _ in range(17))}"


def new_request_id() -> str:
    """``473469C7-AA6F-…``."""
    return str(uuid.uuid4()).upper()


def new_mac() -> str:
    """An address of the block Alibaba's instances have."""
    return "00:16:3e:" + ":".join(f"{b:02x}" for b in secrets.token_bytes(3))


def serial_of(disk: str) -> str:
    """What the guest reads as the serial number of a disk: its id without ``d-``."""
    return disk.removeprefix("d-")
