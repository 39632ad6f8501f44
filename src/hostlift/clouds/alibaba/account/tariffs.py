# SPDX-License-Identifier: Apache-2.0
"""Rough prices for when the account's own may not be asked for: an estimate, not an offer.

Orders of magnitude as of 2026-11 for a burstable instance of the smallest kind, cloud_essd PL1 and
standard snapshots; regions differ by a third. Nothing here was read from a bill.
"""

from __future__ import annotations

from hostlift.model.cost import Tariff

SOURCE = "hostlift's own list of 2026-11"
_RATES = {"CNY": (0.15, 0.0021, 0.12), "USD": (0.025, 0.0003, 0.02), "JPY": (4.0, 0.045, 3.0)}
"""Instance an hour, disk a GiB and hour, snapshot a GiB and month."""


def usual_currency(region: str) -> str:
    """Of accounts that use a region: those of the Chinese site pay in CNY, all others in USD."""
    mainland = region.startswith("cn-") and region != "cn-hongkong"
    return "CNY" if mainland else "USD"


def usual(currency: str) -> Tariff:
    """The list in a currency; in one that it does not have, in USD."""
    known = currency if currency in _RATES else "USD"
    instance, disk, snapshot = _RATES[known]
    return Tariff(
        currency=known, instance=instance, disk_gib=disk, snapshot_gib=snapshot, source=SOURCE
    )
