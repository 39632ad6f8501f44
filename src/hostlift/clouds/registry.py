# SPDX-License-Identifier: Apache-2.0
"""The one door to the clouds. A new cloud is a folder and a line in `open_cloud` and `policy`.

Drivers are imported when they are asked for: a vendor's SDK costs half a second and 50 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostlift.clouds.access import CloudAccess
from hostlift.errors import ConfigError
from hostlift.host.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Collection

    from hostlift.clouds.advice import Advice, Topic
    from hostlift.model.cost import Tariff
    from hostlift.ports.clock import Clock
    from hostlift.ports.cloud import Cloud
    from hostlift.ports.market import Feature

__all__ = [
    "CLOUDS",
    "CloudAccess",
    "error_topics",
    "explained",
    "open_cloud",
    "permissions",
    "policy",
    "usual_tariff",
]

CLOUDS = ("alibaba",)


def open_cloud(name: str, access: CloudAccess, *, clock: Clock | None = None) -> Cloud:
    """The driver of cloud ``name``; nothing is called yet.

    Raises:
        ConfigError: The cloud is not known, or the access cannot be right.
    """
    _known(name)
    from hostlift.clouds.alibaba import environment  # noqa: PLC0415 - see the module docstring

    environment.prepare(access)
    from hostlift.clouds.alibaba.driver import open_alibaba  # noqa: PLC0415

    return open_alibaba(access, clock or SystemClock())


def policy(name: str, features: Collection[Feature]) -> dict[str, object]:
    """The smallest permission document that lets the driver do what these wishes need.

    Raises:
        ConfigError: The cloud is not known.
    """
    _known(name)
    from hostlift.clouds.alibaba import actions  # noqa: PLC0415 - see the module docstring

    return actions.policy(features)


def error_topics(name: str) -> tuple[Topic, ...]:
    """What the cloud's error codes mean.

    Raises:
        ConfigError: The cloud is not known.
    """
    _known(name)
    from hostlift.clouds.alibaba import codes  # noqa: PLC0415 - see the module docstring

    return codes.TOPICS


def explained(name: str, code: str) -> Advice:
    """The line about a code; its pattern is empty when there is none.

    Raises:
        ConfigError: The cloud is not known.
    """
    _known(name)
    from hostlift.clouds.alibaba import catalogue  # noqa: PLC0415 - see the module docstring

    return catalogue.advice(code)


def permissions(name: str, features: Collection[Feature]) -> dict[str, list[str]]:
    """The permissions in `policy`, by the feature that needs them; tagging is in each that makes.

    Raises:
        ConfigError: The cloud is not known.
    """
    _known(name)
    from hostlift.clouds.alibaba import actions  # noqa: PLC0415 - see the module docstring

    found: dict[str, set[str]] = {}
    for action in actions.needed(features):
        found.setdefault(action.feature.value, set()).update(action.permissions)
    return {feature: sorted(names) for feature, names in found.items()}


def usual_tariff(name: str, region: str) -> Tariff:
    """A list of rough prices, without a call.

    Raises:
        ConfigError: The cloud is not known.
    """
    _known(name)
    from hostlift.clouds.alibaba.account import tariffs  # noqa: PLC0415 - see the module docstring

    return tariffs.usual(tariffs.usual_currency(region))


def _known(name: str) -> None:
    if name not in CLOUDS:
        raise ConfigError(f"no such cloud; known: {', '.join(CLOUDS)}", subject=name)
