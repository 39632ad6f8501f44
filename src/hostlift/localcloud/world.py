# SPDX-License-Identifier: Apache-2.0
"""What life cycles and actions work on: accounts, records, compute, networks, clock, work to do."""

from __future__ import annotations

from threading import Lock

from hostlift.localcloud.accounts import Account, Accounts, number_of
from hostlift.localcloud.clock import Clock
from hostlift.localcloud.compute.base import Compute, Fabric
from hostlift.localcloud.config import Quotas, Settings
from hostlift.localcloud.credentials import Keyring
from hostlift.localcloud.faults.injector import Faults
from hostlift.localcloud.jobs import Jobs
from hostlift.localcloud.metering import Meter
from hostlift.localcloud.state.store import Store
from hostlift.localcloud.wire.gate import Key, Principal, Who


class World:
    """The parts of one cloud. ``wiring`` is held while networks are changed."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        store: Store,
        compute: Compute,
        fabric: Fabric,
        clock: Clock,
        settings: Settings,
        jobs: Jobs,
    ) -> None:
        self.settings = settings
        self.accounts = Accounts(settings, keyring)
        self.store = store
        self.compute = compute
        self.fabric = fabric
        self.clock = clock
        self.jobs = jobs
        self.wiring = Lock()
        self.meter = Meter(store, clock.now, lambda: self.settings.price_factor)
        self.faults = Faults(seed=settings.seed)
        self.faults.add(settings.faults)

    def change_settings(self, settings: Settings, keyring: Keyring) -> None:
        """Follow other settings from now on; faults that are armed stay as they are."""
        self.accounts = Accounts(settings, keyring)
        self.settings = settings
        self.meter.resume()

    def balance(self, account: Account) -> float:
        """What an account has left of what it paid in."""
        return account.settings.balance - self.meter.spent(account.id)

    def quotas(self, account: Account, region: str) -> Quotas:
        """How much an account may have in a region."""
        return self.settings.quotas_of(account.name, region)

    def find_key(self, access_key_id: str) -> Key | None:
        """The AccessKey of that id: an account's, a RAM user's, or a temporary one."""
        lasting = self.accounts.key(access_key_id)
        session = self.store.sessions.get(access_key_id)
        if lasting is not None or session is None:
            return lasting
        account = self.accounts.get(session.account)
        if account is None or account.role(session.role) is None:
            return None
        return Key(
            access_key_id=session.id,
            secret=session.secret,
            token=session.token,
            expires=session.expires,
            principal=Principal(
                account=session.account,
                who=Who.ROLE,
                id=number_of(f"{session.account}/{session.role}"),
                name=session.role,
                session=session.session,
                limits=session.limits,
            ),
        )
