# SPDX-License-Identifier: Apache-2.0
"""Temporary keys of roles."""

from __future__ import annotations

import secrets

from hostlift.localcloud.accounts import Account
from hostlift.localcloud.config import RoleSettings
from hostlift.localcloud.state.records import SessionKey
from hostlift.localcloud.world import World

_KEPT = 86400.0
"""An expired key is told apart from an unknown one for a day."""


def open_session(
    cloud: World,
    account: Account,
    role: RoleSettings,
    *,
    session: str,
    seconds: float,
    limits: str = "",
) -> SessionKey:
    """Make and store a temporary key; those that expired are forgotten."""
    now = cloud.clock.now()
    key = SessionKey(
        id=f"STS.{secrets.token_hex(12)}",
        secret=secrets.token_hex(22),
        token=secrets.token_urlsafe(96),
        expires=now + seconds,
        account=account.id,
        role=role.name,
        session=session,
        limits=limits,
    )
    with cloud.store.change():
        for old in cloud.store.sessions.all():
            if old.expires < now - _KEPT:
                cloud.store.sessions.drop(old.id)
        cloud.store.sessions.put(key)
    return key
