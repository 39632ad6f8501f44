# SPDX-License-Identifier: Apache-2.0
"""Block devices: sysfs says what there is, blkid and sfdisk what is on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hostlift.inspect.tools import Tools
from hostlift.model.machine import Disk, Partition, TableKind

_SECTOR = 512
"""The unit of sysfs, whatever the disk's own is."""
_NOT_DISKS = ("loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd", "mtd")


@dataclass(frozen=True, slots=True)
class Blocks:
    """What sysfs (``sys``, normally /sys) knows of block devices. Names are the kernel's."""

    sys: Path

    def name_of(self, dev: str) -> str:
        """Kernel name of ``major:minor``, or empty."""
        link = self.sys / "dev/block" / dev
        return link.resolve().name if link.exists() else ""

    def attribute(self, name: str, attribute: str) -> str:
        """A file of sysfs that describes a device; empty when there is none."""
        try:
            path = self.sys / "class/block" / name / attribute
            return path.read_text("utf-8", "replace").strip().replace("\0", "")
        except OSError:
            return ""

    def device(self, name: str) -> str:
        """The node a person knows: device mapper nodes by their own name."""
        mapped = self.attribute(name, "dm/name")
        return f"/dev/mapper/{mapped}" if mapped else f"/dev/{name.replace('!', '/')}"

    def disks_under(self, name: str) -> list[str]:
        """The whole disks that a device lies on, through partitions and stacked devices."""
        folder = self._folder(name)
        if folder is None:
            return []
        slaves = self.beneath(name)
        if slaves:
            return list(dict.fromkeys(d for s in slaves for d in self.disks_under(s)))
        return [folder.parent.name] if (folder / "partition").exists() else [name]

    def beneath(self, name: str) -> list[str]:
        """What a stacked device lies on directly; nothing for disks and partitions."""
        folder = self._folder(name)
        return sorted(p.name for p in (folder / "slaves").glob("*")) if folder else []

    def stacked(self) -> list[str]:
        """Every device that is made of others."""
        names = sorted(p.name for p in (self.sys / "block").glob("*"))
        return [n for n in names if self.beneath(n)]

    def name_of_node(self, node: str) -> str:
        """Kernel name of a device that a person knows as ``node``; empty when there is none."""
        names = (p.name for p in (self.sys / "class/block").glob("*"))
        return next((n for n in names if self.device(n) == node), "")

    def physical(self) -> list[str]:
        """Disks with a size that are neither virtual nor removable media drives."""
        names = sorted(p.name for p in (self.sys / "block").glob("*"))
        return [n for n in names if not n.startswith(_NOT_DISKS) and self.size(n)]

    def partitions(self, disk: str) -> list[str]:
        """Kernel names of a disk's partitions in order of their numbers."""
        folder = self._folder(disk)
        found = [p.parent for p in folder.glob("*/partition")] if folder else []
        return [
            p.name for p in sorted(found, key=lambda p: int(self.attribute(p.name, "partition")))
        ]

    def partition(self, disk: str, number: int) -> str:
        """Kernel name of one partition of a disk, or empty."""
        found = self.partitions(disk)
        return next((p for p in found if self.attribute(p, "partition") == str(number)), "")

    def size(self, name: str) -> int:
        """Bytes."""
        return int(self.attribute(name, "size") or 0) * _SECTOR

    def backing_file(self, name: str) -> str:
        """The file behind a loop device, or empty."""
        return self.attribute(name, "loop/backing_file")

    def bare(self, name: str) -> Disk:
        """A disk as sysfs describes it; partitions without type and identity."""
        partitions = tuple(
            Partition(
                number=int(self.attribute(p, "partition")),
                start=int(self.attribute(p, "start") or 0) * _SECTOR,
                size=self.size(p),
                type="",
                device=self.device(p),
            )
            for p in self.partitions(name)
        )
        return Disk(
            device=self.device(name),
            size=self.size(name),
            sector_size=int(self.attribute(name, "queue/logical_block_size") or _SECTOR),
            partitions=partitions,
            model=self.attribute(name, "device/model"),
            serial=self.attribute(name, "serial") or self.attribute(name, "device/serial"),
        )

    def _folder(self, name: str) -> Path | None:
        link = self.sys / "class/block" / name
        return link.resolve() if link.exists() else None


Signature = Mapping[str, str]
"""What blkid says of a device: TYPE, UUID, LABEL, PTTYPE, …"""


def signatures(devices: Iterable[str], tools: Tools) -> dict[str, Signature]:
    """What is on each device, by one run of blkid."""
    wanted = list(dict.fromkeys(devices))
    if not wanted:
        return {}
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in tools.optional(["blkid", "-p", "-o", "export", *wanted]).splitlines():
        key, equals, value = line.partition("=")
        if key == "DEVNAME":
            current = found.setdefault(value, {})
        elif equals:
            current[key] = value.replace("\\ ", " ")
    return dict(found)


def with_table(disk: Disk, signature: Signature, tools: Tools) -> Disk:
    """The disk with its partition table as sfdisk reads it; unchanged for tables we cannot make."""
    kinds = {str(k): k for k in TableKind}
    if signature.get("PTTYPE", "") not in kinds:
        return disk
    text = tools.optional(["sfdisk", "--json", disk.device])
    try:
        table = json.loads(text)["partitiontable"]
        kind = kinds[table["label"]]
        unit = int(table.get("sectorsize", disk.sector_size))
        partitions = tuple(_partition(p, kind, unit, disk) for p in table.get("partitions", ()))
    except (ValueError, KeyError, TypeError):
        return disk
    ordered = tuple(sorted(partitions, key=lambda p: p.number))
    return replace(disk, table=kind, table_id=table.get("id", ""), partitions=ordered)


def _partition(row: Mapping[str, object], kind: TableKind, unit: int, disk: Disk) -> Partition:
    node = str(row["node"])
    number = int(node.removeprefix(disk.device).removeprefix("p"))
    gpt = kind is TableKind.GPT
    type_ = str(row["type"])
    attributes = str(row.get("attrs", ""))
    return Partition(
        number=number,
        start=int(str(row["start"])) * unit,
        size=int(str(row["size"])) * unit,
        type=type_.upper() if gpt else type_.lower(),
        uuid=str(row.get("uuid", "")),
        name=str(row.get("name", "")),
        bootable="LegacyBIOSBootable" in attributes if gpt else bool(row.get("bootable")),
        device=node,
    )
