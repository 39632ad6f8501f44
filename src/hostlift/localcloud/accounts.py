# SPDX-License-Identifier: Apache-2.0
"""The accounts of a cloud, their RAM users and roles: from the settings and the keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from hostlift.localcloud.config import AccountSettings, RoleSettings, Settings
from hostlift.localcloud.credentials import Keyring
from hostlift.localcloud.ram.documents import Policy, Principals, Statement, read_policy
from hostlift.localcloud.ram.judge import Question, Verdict, judge, trusts
from hostlift.localcloud.ram.system import system_policy
from hostlift.localcloud.wire.gate import Key, Principal, Who

_ECS = "ecs.aliyuncs.com"


@dataclass(frozen=True, slots=True)
class Account:
    """An account."""

    id: str
    settings: AccountSettings

    @property
    def name(self) -> str:
        """For people."""
        return self.settings.name

    def role(self, name: str) -> RoleSettings | None:
        """A role by its name, whose case does not count."""
        return next((r for r in self.settings.roles if r.name.lower() == name.lower()), None)


class Accounts:
    """All of them."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        found = [Account(keyring[a.name].id, a) for a in settings.all_accounts]
        self.main = found[0]
        self._by_id = {a.id: a for a in found}
        self._keys = {k.access_key_id: k for a in found for k in _keys_of(a, keyring)}

    def all(self) -> tuple[Account, ...]:
        """The main one first."""
        return tuple(self._by_id.values())

    def get(self, key: str) -> Account | None:
        """The account with that number."""
        return self._by_id.get(key)

    def key(self, access_key_id: str) -> Key | None:
        """A lasting AccessKey."""
        return self._keys.get(access_key_id)

    def verdict(self, principal: Principal, question: Question) -> Verdict:
        """What RAM says; an account itself may do everything."""
        account = self._by_id[principal.account]
        match principal.who:
            case Who.ACCOUNT:
                return Verdict.ALLOW
            case Who.USER:
                users = (u for u in account.settings.users if u.name == principal.name)
                return judge([p for u in users for p in _documents(u.policies)], question)
            case Who.ROLE:
                role = account.role(principal.name)
                own = judge(_documents(role.policies) if role else (), question)
                if own is not Verdict.ALLOW or not principal.limits:
                    return own
                return judge([read_policy(principal.limits, "Policy")], question)


def number_of(name: str) -> str:
    """The number of a role: always the same for the same name."""
    digest = hashlib.sha256(name.encode()).digest()
    return "3" + "".join(str(b % 10) for b in digest[:17])


def admits(role: RoleSettings, account: Account, principal: Principal) -> bool:
    """Whether a role's trust policy lets a RAM user in."""
    arn = f"acs:ram::{principal.account}:user/{principal.name}"
    return trusts(role.trust or _own_users(account), principal.account, arn)


def serves_instances(role: RoleSettings, account: Account) -> bool:
    """Whether an ECS instance may have a role."""
    statements = (role.trust or _own_users(account)).Statement
    return any(
        s.Effect == "Allow" and s.Principal is not None and _ECS in s.Principal.Service
        for s in statements
    )


def _own_users(account: Account) -> Policy:
    principals = Principals(RAM=(f"acs:ram::{account.id}:root",), Service=(_ECS,))
    allow = Statement(Effect="Allow", Action=("sts:AssumeRole",), Principal=principals)
    return Policy(Version="1", Statement=(allow,))


def _documents(policies: Iterable[str | Policy]) -> list[Policy]:
    return [system_policy(p) if isinstance(p, str) else p for p in policies]


def _keys_of(account: Account, keyring: Keyring) -> list[Key]:
    own = keyring[account.name]
    keys = [
        Key(
            access_key_id=own.access_key_id,
            secret=own.access_key_secret,
            principal=Principal(account=account.id, id=account.id),
        )
    ]
    for user in account.settings.users:
        pair = keyring[f"{account.name}/{user.name}"]
        who = Principal(account=account.id, who=Who.USER, id=pair.id, name=user.name)
        keys.append(
            Key(access_key_id=pair.access_key_id, secret=pair.access_key_secret, principal=who)
        )
    return keys
