# SPDX-License-Identifier: Apache-2.0
"""Units of systemd that mount, or swap to, a device by name: what fstab says in another place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.formats.fstab import spec_of
from hostlift.formats.units import unit_of
from hostlift.model.plan import Area

_UNITS = ("/etc/systemd/system/*.mount", "/etc/systemd/system/*.swap")
_WHAT = re.compile(r"(?m)^([ \t]*What[ \t]*=[ \t]*)(/dev/\S+|(?:PART)?(?:UUID|LABEL)=\S+)[ \t]*$")
_WHERE = re.compile(r"(?m)^[ \t]*Where[ \t]*=[ \t]*(\S+)[ \t]*$")
_MASK = "/dev/null"
_WHY = "names of devices that do not exist on ECS"


def apply(bench: Bench, edit: Editor) -> None:
    """Give them the names of the target; mask those whose device was not migrated."""
    swaps = iter(bench.layout.swaps)
    for path, what in list(_stale(bench)):
        is_swap = path.endswith(".swap")
        area = next(swaps, None) if is_swap else _mounted(bench, bench.text(path) or "")
        device = f"/dev/disk/by-uuid/{area.fs_uuid}" if area is not None and area.fs_uuid else ""
        if device and is_swap:
            _move(bench, edit, path, device)
        elif device:
            edit.write_text(path, _with(bench, path, device), _WHY)
        else:
            bench.note(f"{path} uses {what}, which was not migrated: it is masked")
        if is_swap or not device:
            edit.link(path, _MASK, _WHY)


def _move(bench: Bench, edit: Editor, path: str, device: str) -> None:
    """A swap unit has to be called like its device."""
    folder, _, old = path.rpartition("/")
    new = f"{folder}/{unit_of(device, 'swap')}"
    edit.write_text(new, _with(bench, path, device), _WHY)
    for wants in bench.glob(f"{folder}/*.wants/{old}"):
        edit.link(f"{wants.rpartition('/')[0]}/{unit_of(device, 'swap')}", new, _WHY)


def _with(bench: Bench, path: str, device: str) -> str:
    return _WHAT.sub(rf"\g<1>{device}", bench.text(path) or "")


def check(bench: Bench) -> Iterator[str]:
    """What is mounted by a unit exists on the target."""
    for path, what in _stale(bench):
        yield f"{path} uses {what}, which is not on the target"


def _stale(bench: Bench) -> Iterator[tuple[str, str]]:
    for pattern in _UNITS:
        for path in bench.glob(pattern):
            found = _WHAT.search(bench.text(path) or "")
            if found is not None and not bench.layout.knows(spec_of(found[2])):
                yield path, found[2]


def _mounted(bench: Bench, text: str) -> Area | None:
    where = _WHERE.search(text)
    return bench.layout.at(where[1]) if where is not None else None


STEP = Step("mount-units", "Units mount by UUID, and none waits for a lost disk.", apply, check)
