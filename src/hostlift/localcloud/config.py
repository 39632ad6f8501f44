# SPDX-License-Identifier: Apache-2.0
"""What can be set: pace, accounts, quotas, stock, faults, in ``settings.json`` of the cloud's folder."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from hostlift.errors import ConfigError
from hostlift.host.files import atomic_write
from hostlift.localcloud.faults.kinds import Fault
from hostlift.localcloud.offer.stock import Shortage
from hostlift.localcloud.ram.documents import Policy
from hostlift.localcloud.ram.system import system_policy

FILE = "settings.json"
MAIN = "main"
"""Name of the account that every cloud has."""
EVERYWHERE = "*"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Quotas:
    """How much an account may have, per region where the real service counts so."""

    instances: int = 100
    vcpus: int = 400
    disks: int = 500
    disk_gib: int = 1_048_576
    snapshots_per_disk: int = 256
    snapshots: int = 10_000
    images: int = 100
    security_groups: int = 100
    rules_per_group: int = 200
    vpcs: int = 10
    vswitches_per_vpc: int = 150
    eips: int = 20


QUOTA_NAMES = tuple(f.name for f in fields(Quotas))


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class UserSettings:
    """A RAM user; ``policies`` are names of system policies, or documents."""

    name: str = Field(pattern=r"^[A-Za-z0-9._@\-]{1,64}$")
    policies: tuple[str | Policy, ...] = ()


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class RoleSettings:
    """A RAM role.

    Attributes:
        trust: Who may assume it; by default the RAM users of its account and ECS instances.
        longest: Seconds a session may last.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9.\-]{1,64}$")
    policies: tuple[str | Policy, ...] = ()
    trust: Policy | None = None
    longest: int = Field(default=3600, ge=900, le=43200)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class AccountSettings:
    """An account.

    Attributes:
        balance: Money paid in; what is used goes off it. With less than ``least_balance`` left it may
            order nothing, with less than nothing it is in debt.
        in_debt: It owes money anyhow and may do nothing but look and delete.
        real_name: It has completed real-name verification.
        snapshot_service: The snapshot service is activated.
        sub_users_may_order: Else a RAM user's orders are refused (`Forbidden.SubUser`).
        system_disk_from_data: It may make an image's system disk from a data disk's snapshot;
            else `UserNotInTheWhiteList`.
        stop_charging: StopInstance without ``StoppedMode`` is StopCharging.
        risk_control: Its orders are stopped by risk control.
        quotas: Name of a region or ``*`` to what differs there from the cloud's quotas.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    balance: float = 10_000.0
    least_balance: float = 100.0
    currency: Literal["CNY", "USD", "JPY"] = "CNY"
    in_debt: bool = False
    real_name: bool = True
    snapshot_service: bool = True
    sub_users_may_order: bool = True
    system_disk_from_data: bool = True
    stop_charging: bool = False
    risk_control: bool = False
    quotas: dict[str, dict[str, int]] = Field(default_factory=dict)
    users: tuple[UserSettings, ...] = ()
    roles: tuple[RoleSettings, ...] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> AccountSettings:
        for name in (n for there in self.quotas.values() for n in there):
            if name not in QUOTA_NAMES:
                raise ValueError(f"no such quota: {name}; there are {', '.join(QUOTA_NAMES)}")
        attached = [u.policies for u in self.users] + [r.policies for r in self.roles]
        for policy in (p for policies in attached for p in policies if isinstance(p, str)):
            _check_system_policy(policy)
        _check_unique([u.name for u in self.users])
        _check_unique([r.name for r in self.roles])
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Settings:
    """Everything that can be set.

    Attributes:
        delay: Seconds a resource stays in each passing state, besides the real work.
        linger: Seconds for which the interface of a released instance still holds its vSwitch and
            its security groups.
        stop_deadline: Seconds until a guest that ignores a shutdown loses its power.
        workers: Threads for the slow work (copies, starts).
        quotas: Of every account in every region.
        stock: What is not to be had, or not everywhere.
        accounts: Every one but `MAIN`, which need not be named.
        faults: Armed when the cloud starts.
        price_factor: Multiplies all prices: money that would last for weeks ends while one looks.
        seed: For faults that strike by chance.
    """

    delay: float = 0.3
    linger: float = 0.3
    stop_deadline: float = 180.0
    watch_period: float = 0.5
    workers: int = 4
    quotas: Quotas = Quotas()
    stock: tuple[Shortage, ...] = ()
    accounts: tuple[AccountSettings, ...] = ()
    faults: tuple[Fault, ...] = ()
    price_factor: float = Field(default=1.0, ge=0)
    seed: int = 0

    @model_validator(mode="after")
    def _is_sound(self) -> Settings:
        _check_unique([a.name for a in self.accounts])
        return self

    @property
    def all_accounts(self) -> tuple[AccountSettings, ...]:
        """The accounts, `MAIN` first."""
        named = {a.name: a for a in self.accounts}
        main = named.pop(MAIN, AccountSettings(name=MAIN))
        return (main, *named.values())

    def quotas_of(self, account: str, region: str) -> Quotas:
        """What an account, by its name, may have in a region."""
        own = next(a for a in self.all_accounts if a.name == account).quotas
        return replace(self.quotas, **{**own.get(EVERYWHERE, {}), **own.get(region, {})})


_ADAPTER = TypeAdapter(Settings)


def load(folder: Path) -> Settings:
    """The settings of a cloud; defaults when there is no file.

    Raises:
        ConfigError: The file has an unknown key or a wrong value.
    """
    path = folder / FILE
    try:
        return read(path.read_bytes(), str(path))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", subject=str(path)) from error


def read(text: str | bytes, subject: str) -> Settings:
    """Settings from their JSON.

    Raises:
        ConfigError: An unknown key or a wrong value; ``subject`` is where it stands.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"not usable: {error}", subject=subject) from error


def save(folder: Path, settings: Settings) -> None:
    """Write the settings of a cloud, for its next start."""
    text = _ADAPTER.dump_json(settings, indent=2, exclude_defaults=True)
    atomic_write(folder / FILE, text + b"\n")


def _check_system_policy(name: str) -> None:
    try:
        system_policy(name)
    except ConfigError as error:
        raise ValueError(f"{name}: {error.message}; {error.hint}") from error


def _check_unique(names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}")
