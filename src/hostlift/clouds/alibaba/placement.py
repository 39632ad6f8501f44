# SPDX-License-Identifier: Apache-2.0
"""Where a small, cheap instance can run now, on which disks, from which public image."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostlift.clouds.alibaba.catalogue import advice
from hostlift.clouds.alibaba.requests.images import DescribeImages
from hostlift.clouds.alibaba.requests.offers import (
    DescribeAvailableResource,
    DescribeInstanceTypes,
)
from hostlift.errors import CloudError, OutOfStock
from hostlift.ports.instances import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostlift.clouds.alibaba.api import Api
    from hostlift.clouds.alibaba.records import Offer, TypeRow

CATEGORIES = ("cloud_essd", "cloud_efficiency", "cloud_ssd", "cloud_auto", "cloud_essd_entry")
IMAGES = ("debian_12", "ubuntu_24_04")
"""Public images with Python 3.11 or later, best first."""
LEAST_GIB = 1.0
NO_STOCK = "OperationDenied.NoStock"
TYPES_A_CALL = 10
MOST_CANDIDATES = 30
_ENTRY_LEVEL = "EntryLevel"
"""``EntryLevel`` and ``CreditEntryLevel`` (burstable) are the cheap ones."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """One line of the order of preference: a size, or a family, or anything."""

    cores: int | None = None
    memory: float | None = None
    family: str = ""


# The order that Alibaba's own migration centre documents for its intermediate instances.
WISHES = (
    _Wish(cores=1, memory=2),
    _Wish(cores=1, memory=4),
    _Wish(cores=2, memory=2),
    _Wish(cores=2, memory=4),
    _Wish(family="ecs.t6-"),
    _Wish(family="ecs.t5-"),
    _Wish(cores=2, memory=8),
    _Wish(),
)


@dataclass(frozen=True, slots=True)
class Placements:
    """The choice; every answer is what is in stock at that moment."""

    api: Api

    def offers(self, *, zone: str, instance_type: str) -> Iterator[Placement]:
        """See `Instances.placements`.

        Raises:
            OutOfStock: Nothing fits.
            CloudError: There is no image.
        """
        image = ""
        seen = set()
        wanted = self._named(zone, instance_type) if instance_type else self._wished(zone)
        for place, kind in wanted:
            if (place, kind) in seen:
                continue
            seen.add((place, kind))
            system = self._category("SystemDisk", place, kind)
            data = system and self._category("DataDisk", place, kind, system)
            if system and data:
                image = image or self._image()
                yield Placement(
                    zone=place,
                    instance_type=kind,
                    system_disk=system,
                    data_disk=data,
                    image=image,
                )
        if not image:
            what = f"{instance_type} is not" if instance_type else "no small instance type is"
            raise OutOfStock(
                f"{what} in stock{' in ' + zone if zone else ''}",
                api_code=NO_STOCK,
                action=DescribeAvailableResource.action.api_name,
                hint=advice(NO_STOCK).remedy,
            )

    def _named(self, zone: str, instance_type: str) -> Iterator[tuple[str, str]]:
        offers = self._stock(
            DescribeAvailableResource(
                destination_resource="InstanceType", zone_id=zone, instance_type=instance_type
            )
        )
        for offer in offers:
            if instance_type in offer.values:
                yield offer.zone, instance_type

    def _wished(self, zone: str) -> Iterator[tuple[str, str]]:
        for wish in WISHES:
            offers = self._stock(
                DescribeAvailableResource(
                    destination_resource="InstanceType",
                    zone_id=zone,
                    cores=wish.cores,
                    memory=wish.memory,
                )
            )
            yield from self._cheapest(offers, wish.family)

    def _stock(self, request: DescribeAvailableResource) -> tuple[Offer, ...]:
        try:
            return self.api.call(request)
        except OutOfStock:
            return ()  # asking for what a zone never sold is refused instead of answered with nothing

    def _cheapest(self, offers: tuple[Offer, ...], family: str) -> Iterator[tuple[str, str]]:
        zones: dict[str, list[str]] = defaultdict(list)
        for offer in offers:
            for value in offer.values:
                if value.startswith(family):
                    zones[value].append(offer.zone)
        # Burstable and older families have short names and low prices.
        names = sorted(zones, key=lambda n: (not n.startswith("ecs.t"), len(n), n))
        for row in self._suited(names[:MOST_CANDIDATES]):
            for place in sorted(zones[row.id]):
                yield place, row.id

    def _suited(self, names: list[str]) -> list[TypeRow]:
        rows = [
            row
            for start in range(0, len(names), TYPES_A_CALL)
            for row in self.api.call(
                DescribeInstanceTypes(instance_types=tuple(names[start : start + TYPES_A_CALL]))
            )
        ]
        fit = [r for r in rows if r.architecture in {"", "X86"} and r.memory_gib >= LEAST_GIB]
        return sorted(fit, key=_price_order)

    def _category(self, what: str, zone: str, kind: str, system: str = "") -> str:
        offers = self._stock(
            DescribeAvailableResource(
                destination_resource=what,
                zone_id=zone,
                instance_type=kind,
                system_disk_category=system,
            )
        )
        found = {value for offer in offers if offer.zone == zone for value in offer.values}
        return next((c for c in CATEGORIES if c in found), "")

    def _image(self) -> str:
        request = DescribeImages(
            image_owner_alias="system", status="Available", o_s_type="linux", architecture="x86_64"
        )
        images = list(self.api.pages(request))
        for start in IMAGES:
            fit = [i for i in images if i.name.startswith(start) or i.id.startswith(start)]
            if fit:
                # Instance types that cannot start UEFI-only images are many, the others none.
                return max(fit, key=lambda i: (i.boot_mode != "UEFI", i.created, i.id)).id
        code = "InvalidImageId.NotFound"
        raise CloudError(
            f"no public image {' or '.join(IMAGES)}",
            api_code=code,
            action=DescribeImages.action.api_name,
            hint=advice(code).remedy,
        )


def _price_order(row: TypeRow) -> tuple[bool, int, float, str]:
    """Entry level first, then small; the API tells no price here."""
    return (not row.level.endswith(_ENTRY_LEVEL), row.cpus, row.memory_gib, row.id)
