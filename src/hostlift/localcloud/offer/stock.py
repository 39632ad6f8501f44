# SPDX-License-Identifier: Apache-2.0
"""What is in stock where: everything everywhere, but for shortages."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass


class Stock(StrEnum):
    """The words are those of ``StatusCategory``."""

    WITH_STOCK = "WithStock"
    CLOSED_WITH_STOCK = "ClosedWithStock"
    WITHOUT_STOCK = "WithoutStock"
    CLOSED_WITHOUT_STOCK = "ClosedWithoutStock"

    @property
    def can_be_had(self) -> bool:
        """Whether an order succeeds."""
        return self in {Stock.WITH_STOCK, Stock.CLOSED_WITH_STOCK}

    @property
    def status(self) -> str:
        """The word of ``Status``."""
        return "Available" if self.can_be_had else "SoldOut"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Shortage:
    """Something that is not to be had. ``*`` is a wildcard in every pattern.

    Attributes:
        zone: A pattern of zones.
        instance_type: A pattern of instance types; empty: this is not about types.
        disk: A pattern of disk categories; empty: this is not about disks.
    """

    zone: str = "*"
    instance_type: str = ""
    disk: str = ""
    stock: Stock = Stock.WITHOUT_STOCK

    @model_validator(mode="after")
    def _is_about_something(self) -> Shortage:
        if not self.instance_type and not self.disk:
            raise ValueError("a shortage names an instance_type or a disk")
        return self


def of_type(shortages: Iterable[Shortage], zone: str, instance_type: str) -> Stock:
    """Stock of an instance type in a zone; the last shortage that fits counts."""
    found = [
        s.stock
        for s in shortages
        if s.instance_type
        and fnmatchcase(zone, s.zone)
        and fnmatchcase(instance_type, s.instance_type)
    ]
    return found[-1] if found else Stock.WITH_STOCK


def of_disk(shortages: Iterable[Shortage], zone: str, category: str) -> Stock:
    """Stock of a disk category in a zone; the last shortage that fits counts."""
    found = [
        s.stock
        for s in shortages
        if s.disk and fnmatchcase(zone, s.zone) and fnmatchcase(category, s.disk)
    ]
    return found[-1] if found else Stock.WITH_STOCK


def zone_sells(shortages: Iterable[Shortage], zone: str, types: Iterable[str]) -> bool:
    """Whether a zone sells any instance at all."""
    known = tuple(shortages)
    return any(of_type(known, zone, t).can_be_had for t in types)
