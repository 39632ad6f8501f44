# SPDX-License-Identifier: Apache-2.0
"""What can be set: pace, quotas and faults, in ``settings.json`` of the cloud's folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from hostlift.errors import ConfigError

FILE = "settings.json"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Quotas:
    """How much an account may have, per region where the real service counts so."""

    instances: int = 100
    vcpus: int = 400
    disks: int = 500
    snapshots_per_disk: int = 256
    images: int = 100
    security_groups: int = 100
    rules_per_group: int = 200
    vpcs: int = 10
    vswitches_per_vpc: int = 150


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Fault:
    """Refuse the next ``times`` calls of an action, for rehearsing failures."""

    action: str
    code: str
    message: str = "An injected fault."
    status: int = 400
    times: int = 1


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Settings:
    """Pace, quotas, faults.

    Attributes:
        delay: Seconds a resource stays in each passing state, besides the real work.
        stop_deadline: Seconds until a guest that ignores a shutdown loses its power.
        workers: Threads for the slow work (copies, starts).
    """

    delay: float = 0.3
    stop_deadline: float = 180.0
    watch_period: float = 0.5
    workers: int = 4
    quotas: Quotas = Quotas()
    faults: tuple[Fault, ...] = ()


def load(folder: Path) -> Settings:
    """The settings of a cloud; defaults when there is no file.

    Raises:
        ConfigError: The file has an unknown key or a wrong value.
    """
    path = folder / FILE
    try:
        return TypeAdapter(Settings).validate_json(path.read_bytes())
    except FileNotFoundError:
        return Settings()
    except (ValidationError, OSError) as error:
        raise ConfigError(f"not usable: {error}", subject=str(path)) from error
