# SPDX-License-Identifier: Apache-2.0
"""fstab: names that change with the hardware become UUIDs; what did not come along may be missing."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt import reading
from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.formats.fstab import NETWORK, TAGS, Line, parse, render
from hostlift.model.plan import Area

_PATH = "/etc/fstab"
_WHY = "names of devices that do not exist on ECS"
_DEVICES = (*TAGS, "/dev/")
_REMOVABLE = ("/dev/cdrom", "/dev/sr", "/dev/dvd", "/dev/fd", "/dev/scd")
_ABSENT = ("nofail", "x-systemd.device-timeout=5s")


def apply(bench: Bench, edit: Editor) -> None:
    """Rewrite the lines that would stop the boot."""
    text = bench.text(_PATH)
    if text is None:
        bench.note("there is no /etc/fstab: the system mounts its root by the boot loader's word")
        return
    swaps = iter(bench.layout.swaps)
    old = parse(bench.tree.read(_PATH))
    shared = _shared(bench, old)
    lines = [_adapted(bench, line, swaps, shared) for line in old]
    edit.write(_PATH, render([*lines, *_efi_partition(bench, lines)]), _WHY)


def check(bench: Bench) -> Iterator[str]:
    """Every line that must mount names something that exists on the target."""
    for line in parse(reading.data(bench.tree, _PATH) or b""):
        if line.is_needed and line.spec.startswith(_DEVICES) and not bench.layout.knows(line.spec):
            yield f"{_PATH} names {line.spec} for {line.file}, which is not on the target"


def _efi_partition(bench: Bench, lines: list[Line]) -> list[Line]:
    """A system that started by BIOS so far has no line for it; later loaders must find it."""
    place = bench.layout.esp
    if bench.order.firmware != "uefi" or not place or any(x.file == place for x in lines):
        return []
    partition = bench.layout.at(place)
    uuid = partition.fs_uuid if partition is not None else ""
    end = "" if not lines or lines[-1].text.endswith("\n") else "\n"
    return [Line(f"{end}UUID={uuid} {place} vfat umask=0077,nofail 0 1\n", ())] if uuid else []


def _shared(bench: Bench, lines: list[Line]) -> dict[str, Area]:
    """Old device -> where it is now: subvolumes and bind mounts name the device of the root again."""
    places = ((line.spec, bench.layout.at(line.file)) for line in lines if line.is_entry)
    return {spec: place for spec, place in places if place is not None}


def _adapted(bench: Bench, line: Line, swaps: Iterator[Area], shared: dict[str, Area]) -> Line:
    if not line.is_entry:
        return line
    if _is_removable(line):
        return line.commented("hostlift, no such drive on ECS")
    if line.kind in NETWORK:
        return line.with_options("_netdev", "nofail")
    if line.kind == "swap":
        return _swap(bench, line, swaps)
    if not line.spec.startswith(_DEVICES) or bench.layout.knows(line.spec):
        return line
    here = bench.layout.at(line.file) or shared.get(line.spec)
    if here is not None and here.fs_uuid:
        return line.with_spec(f"UUID={here.fs_uuid}")
    bench.note(f"{line.file} ({line.spec}) was not migrated; its line in /etc/fstab may fail now")
    return line.with_options(*(_ABSENT[:1] if bench.tools.inits.before_systemd else _ABSENT))


def _swap(bench: Bench, line: Line, swaps: Iterator[Area]) -> Line:
    if not line.spec.startswith(_DEVICES):
        if line.spec.startswith("/") and not bench.tree.exists(line.spec):
            bench.note(f"the swap file {line.spec} was not migrated and is switched off")
            return line.commented("hostlift, this swap file was not migrated")
        return line
    area = next(swaps, None)
    if bench.layout.knows(line.spec):
        return line
    if area is not None and area.fs_uuid:
        return line.with_spec(f"UUID={area.fs_uuid}")
    bench.note(f"the swap area {line.spec} was not migrated and is switched off")
    return line.commented("hostlift, this swap area was not migrated")


def _is_removable(line: Line) -> bool:
    return line.spec.startswith(_REMOVABLE) or (
        line.kind in {"iso9660", "udf,iso9660"} and line.spec.startswith("/dev/")
    )


STEP = Step("fstab", "Mount by UUID; let disks that were not migrated be missing.", apply, check)
