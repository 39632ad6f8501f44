# SPDX-License-Identifier: Apache-2.0
"""Block devices made of others: LVM, md, LUKS, multipath.

sysfs tells what lies on what without touching a disk. What LVM's metadata says beyond that is read
by a process with a time limit, because a dead device never answers; the copy of it that LVM keeps in
``/etc/lvm/backup`` stands in where no disk can be read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hostlift.host.lvm import ondisk, text
from hostlift.host.lvm.records import SECTOR, Group, Logical
from hostlift.inspect.blocks import Blocks, Signature
from hostlift.inspect.guest import Guest
from hostlift.inspect.tools import Tools
from hostlift.model.machine import (
    LogicalVolume,
    PhysicalVolume,
    Stacked,
    StackKind,
    VolumeGroup,
)

MEMBER = "LVM2_member"
"""What blkid calls a physical volume."""
_BACKUPS = "/etc/lvm/backup"
_FIRST = 1 << 20
_PREFIXES = (
    ("LVM-", StackKind.LVM),
    ("CRYPT-", StackKind.LUKS),
    ("mpath-", StackKind.MULTIPATH),
)
_PART = re.compile(r"part(\d+)-mpath-")
_LUKS = re.compile(r"CRYPT-LUKS\d?-([0-9a-f]{32})-")


def stacked(names: Iterable[str], blocks: Blocks) -> tuple[Stacked, ...]:
    """The stacked devices among ``names`` (the kernel's), and all that lie beneath them."""
    found: dict[str, Stacked] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        beneath = blocks.beneath(name)
        if not beneath or name in found:
            continue
        found[name] = _one(name, beneath, blocks)
        waiting += beneath
    return tuple(found.values())


def _one(name: str, beneath: list[str], blocks: Blocks) -> Stacked:
    uuid = blocks.attribute(name, "dm/uuid")
    part = _PART.match(uuid)
    if part is not None:
        disks = [d for b in beneath for d in blocks.disks_under(b)]
        beneath = [p for d in disks if (p := blocks.partition(d, int(part[1])))] or beneath
    level = blocks.attribute(name, "md/level")
    luks = _LUKS.match(uuid)
    plain = uuid.removeprefix("LVM-") if uuid.startswith("LVM-") else ""
    return Stacked(
        device=blocks.device(name),
        kind=StackKind.ARRAY if level else _kind(uuid),
        size=blocks.size(name),
        beneath=tuple(blocks.device(b) for b in beneath),
        uuid=_hyphened(luks[1]) if luks else plain,
        level=level,
    )


def _kind(uuid: str) -> StackKind:
    return next((kind for prefix, kind in _PREFIXES if uuid.startswith(prefix)), StackKind.OTHER)


def _hyphened(hexes: str) -> str:
    cuts = (0, 8, 12, 16, 20, 32)
    return "-".join(hexes[a:b] for a, b in itertools.pairwise(cuts))


def with_identities(
    found: tuple[Stacked, ...], signatures: Mapping[str, Signature]
) -> tuple[Stacked, ...]:
    """The same; an array's identity is written on its members."""
    return tuple(
        replace(s, uuid=signatures.get(s.beneath[0], {}).get("UUID", ""))
        if s.kind is StackKind.ARRAY
        else s
        for s in found
    )


def groups(
    signatures: Mapping[str, Signature], blocks: Blocks, guest: Guest, tools: Tools
) -> tuple[VolumeGroup, ...]:
    """The volume groups of all physical volumes among the devices that were probed."""
    members = [d for d, s in signatures.items() if s.get("TYPE") == MEMBER]
    labels = {device: label for device in members if (label := _label(device, tools))}
    by_id = {label.id: device for device, label in labels.items()}
    newest: dict[str, Group] = {}
    for label in labels.values():
        group = label.group
        if group and group.seqno > getattr(newest.get(group.id), "seqno", 0):
            newest[group.id] = group
    if len(labels) < len(members):
        for group in _backups(guest):
            if any(p.device in members for p in group.physical):
                newest.setdefault(group.id, group)
    sizes = {d: blocks.size(blocks.name_of_node(d)) for d in members}
    return tuple(_group(g, by_id, sizes, signatures) for g in newest.values())


@dataclass(frozen=True, slots=True)
class _Device:
    """Reads of a device by dd, which knows no unit but the sector on every system."""

    node: str
    tools: Tools
    first: bytes

    def read_at(self, offset: int, length: int) -> bytes:
        if offset + length <= len(self.first):
            return self.first[offset : offset + length]
        skip, rest = divmod(offset, SECTOR)
        count = -(-(rest + length) // SECTOR)
        argv = ["dd", f"if={self.node}", f"bs={SECTOR}", f"skip={skip}", f"count={count}"]
        return self.tools.output(argv)[rest : rest + length]


def _label(node: str, tools: Tools) -> ondisk.Found | None:
    first = tools.output(["dd", f"if={node}", f"bs={_FIRST}", "count=1"])
    try:
        return ondisk.read(_Device(node, tools, first).read_at)
    except text.Malformed:
        return None


def _backups(guest: Guest) -> Iterator[Group]:
    for name in guest.names(_BACKUPS):
        try:
            yield text.parse(guest.text(f"{_BACKUPS}/{name}"))
        except text.Malformed:
            continue


def _group(
    group: Group,
    by_id: Mapping[str, str],
    sizes: Mapping[str, int],
    signatures: Mapping[str, Signature],
) -> VolumeGroup:
    def device(id_: str, hint: str) -> str:
        return by_id.get(id_, hint if hint in sizes else "")

    return VolumeGroup(
        name=group.name,
        uuid=group.id,
        extent_size=group.extent_size,
        physical=tuple(
            PhysicalVolume(
                device=(node := device(p.id, p.device)),
                uuid=p.id,
                size=sizes.get(node, 0) or p.size,
            )
            for p in group.physical
        ),
        logical=tuple(_logical(group, v, signatures) for v in group.logical if v.visible),
    )


def _logical(group: Group, logical: Logical, signatures: Mapping[str, Signature]) -> LogicalVolume:
    doubled = (part.replace("-", "--") for part in (group.name, logical.name))
    device = f"/dev/mapper/{'-'.join(doubled)}"
    return LogicalVolume(
        name=logical.name,
        uuid=logical.id,
        size=logical.extents * group.extent_size,
        device=device,
        kind=group.kind(logical),
        holds=signatures.get(device, {}).get("TYPE", ""),
    )
