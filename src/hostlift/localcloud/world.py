# SPDX-License-Identifier: Apache-2.0
"""What life cycles and actions work on: the account, compute, networks, clock, work to do."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from hostlift.localcloud.clock import Clock
from hostlift.localcloud.compute.base import Compute, Fabric
from hostlift.localcloud.config import Settings
from hostlift.localcloud.jobs import Jobs
from hostlift.localcloud.state.store import Store
from hostlift.localcloud.wire.gate import Key


@dataclass(frozen=True, slots=True)
class Account:
    """Whose cloud it is; ``key`` is the account's own AccessKey."""

    id: str
    key: Key


class World:
    """The parts of one cloud. ``wiring`` is held while networks are changed."""

    def __init__(
        self,
        *,
        account: Account,
        store: Store,
        compute: Compute,
        fabric: Fabric,
        clock: Clock,
        settings: Settings,
        jobs: Jobs,
    ) -> None:
        self.account = account
        self.store = store
        self.compute = compute
        self.fabric = fabric
        self.clock = clock
        self.settings = settings
        self.jobs = jobs
        self.wiring = Lock()

    def find_key(self, access_key_id: str) -> Key | None:
        """The AccessKey of that id: the account's own, or a temporary one."""
        if access_key_id == self.account.key.access_key_id:
            return self.account.key
        session = self.store.sessions.get(access_key_id)
        if session is None:
            return None
        return Key(
            access_key_id=session.id,
            secret=session.secret,
            token=session.token,
            expires=session.expires,
            session=session.session,
        )
