# SPDX-License-Identifier: Apache-2.0
"""The booted copy against the source's baseline: what is the same, what had to change, what differs.

What may change and why is one rule a section; everything else differs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hostlift.errors import StateError
from hostlift.model.baseline import (
    KERNEL_ARGUMENTS,
    VERSION,
    Baseline,
    Difference,
    Line,
    Section,
    Verdict,
)
from hostlift.model.quantity import size

_BASELINE = TypeAdapter(Baseline)
_ADDED = "was not there before"
_GROWTH = 256 << 20
_SHARE = 0.10
"""Used space may differ by so much: logs, caches, and blocks that another file system counts."""
_WANTED_ARGUMENTS = frozenset({"net.ifnames=0", "biosdevname=0", "noresume"})
_WANTED_NAMES = frozenset({"console", "root"})
_LOST_NAMES = frozenset({"root", "resume", "ifname", "BOOTIF", "bootdev", "noresume"})
_LOST_PREFIXES = ("rd.lvm.", "rd_LVM_", "rd.md.", "rd_MD_", "rd.luks.", "rd_LUKS_")
_LOADERS_OWN = frozenset({"BOOT_IMAGE", "initrd"})

TITLES: Mapping[Section, str] = {
    Section.SYSTEM: "Identity and kernel",
    Section.MOUNTS: "Mounted file systems",
    Section.SIZES: "Sizes of file systems",
    Section.SWAP: "Swap",
    Section.LISTENING: "Listening services",
    Section.ENABLED: "Services enabled at boot",
    Section.FAILED: "Failed services",
    Section.USERS: "Users",
    Section.GROUPS: "Groups",
    Section.SCHEDULES: "Scheduled jobs",
    Section.ADDRESSES: "Addresses",
    Section.ROUTES: "Routes",
    Section.RESOLVERS: "Name servers",
    Section.TIME: "Time",
    Section.PACKAGES: "Packages",
    Section.PACKAGE_DATABASE: "Package database",
}

Rule = Callable[[str, str, str], str]
"""(name, before, now) -> why the difference is expected; empty when it is not."""


def read(file: Path) -> Baseline:
    """A baseline from its file.

    Raises:
        StateError: It cannot be read, or is none, or of another version.
    """
    try:
        baseline = _BASELINE.validate_json(file.read_bytes())
    except OSError as error:
        raise StateError(f"cannot be read: {error.strerror}", subject=str(file)) from error
    except ValidationError as error:
        raise StateError(
            f"is not a baseline ({error.error_count()} fields)",
            subject=str(file),
            hint="Name a file that 'hostlift baseline' or a migration wrote.",
        ) from error
    if baseline.version != VERSION:
        raise StateError(
            f"is a baseline of version {baseline.version}, not {VERSION}",
            subject=str(file),
            hint="Take it again with this version of hostlift.",
        )
    return baseline


def as_json(baseline: Baseline) -> str:
    """The file's text."""
    return json.dumps(_BASELINE.dump_python(baseline, mode="json"), indent=1, sort_keys=True)


def compare(
    before: Baseline, now: Baseline, *, edited: frozenset[str] = frozenset()
) -> tuple[Line, ...]:
    """One line a section, in the order of the report.

    Args:
        edited: Paths that the adaptation changed, as the receipt lists them.
    """
    return tuple(_line(section, before, now, edited) for section in Section)


def _line(section: Section, before: Baseline, now: Baseline, edited: frozenset[str]) -> Line:
    unknown = before.unknown.get(section) or now.unknown.get(section)
    was, is_now = before.sections.get(section, {}), now.sections.get(section, {})
    if unknown:
        return Line(section=section, compared=len(was), unknown=unknown)
    found = tuple(_differences(section, was, is_now, edited))
    return Line(section=section, compared=len(was), differences=found)


def _differences(
    section: Section, was: Mapping[str, str], is_now: Mapping[str, str], edited: frozenset[str]
) -> Iterator[Difference]:
    rule = _RULES.get(section, _nothing)
    for name in sorted({*was, *is_now}):
        old, new = was.get(name, ""), is_now.get(name, "")
        if old == new and (name in was) == (name in is_now):
            continue
        touched = section in _FILES and _is_edited(name, edited)
        reason = "changed by the adaptation" if touched else rule(name, old, new)
        if reason == _SAME:
            continue
        verdict = Verdict.EXPECTED if reason else Verdict.DIFFERS
        yield Difference(
            section=section, name=name, before=old, now=new, verdict=verdict, reason=reason
        )


_SAME = "same"
_FILES = frozenset({Section.MOUNTS, Section.ENABLED, Section.FAILED, Section.SCHEDULES})
"""Their names are those of files and folders, which the adaptation may have edited."""


def _is_edited(name: str, edited: frozenset[str]) -> bool:
    return any(path == name or path.endswith(f"/{name}") for path in edited)


def _nothing(_name: str, _before: str, _now: str) -> str:
    return ""


def _identity(name: str, before: str, now: str) -> str:
    """The adaptation adds to the kernel's arguments and takes from them; what it may, is known."""
    if name != KERNEL_ARGUMENTS:
        return ""
    if not before:
        return "not noted on the source"
    was, is_now = set(before.split()), set(now.split())
    came = {w for w in is_now - was if w not in _WANTED_ARGUMENTS}
    if any(w.partition("=")[0] not in _WANTED_NAMES | _LOADERS_OWN for w in came):
        return ""
    if not all(map(_may_go, was - is_now)):
        return ""
    return "console, names of network cards and devices are those of the cloud"


def _may_go(word: str) -> bool:
    name = word.partition("=")[0]
    return name in _LOST_NAMES | _LOADERS_OWN or word.startswith(_LOST_PREFIXES)


def _sizes(_name: str, before: str, now: str) -> str:
    if not before or not now:
        return _SAME  # a mount that is missing is told of by the mounts
    (total, used), (total_now, used_now) = (map(int, t.split()) for t in (before, now))
    if abs(used_now - used) > max(_GROWTH, int(used * _SHARE)):
        return ""
    if total_now < used:
        return ""
    return _SAME if total_now == total else f"{size(total)} became {size(total_now)}"


def _moved(_name: str, _before: str, _now: str) -> str:
    return "the copy is in another network"


def _listening(name: str, before: str, now: str) -> str:
    if not before and not now:
        return ""
    address = name.split(" ", 1)[1].rpartition(":")[0]
    if address not in {"*", "loopback"}:
        return "bound to an address of one of the two networks"
    return _ADDED if not before else ""


def _added(_name: str, before: str, now: str) -> str:
    return _ADDED if now and not before else ""


def _failed(_name: str, before: str, now: str) -> str:
    return "had failed on the source" if before and not now else ""


def _routes(name: str, before: str, now: str) -> str:
    if name == "default":
        return "the copy is in another network" if before and now else ""
    return _ADDED if not before else ""


def _time(name: str, _before: str, now: str) -> str:
    if name == "synchronised" and now == "no":
        return ""
    return "the copy keeps its clock by other means" if now not in {"", "nothing"} else ""


def _swap(_name: str, before: str, now: str) -> str:
    return "another size" if before and now else ""


_RULES: Mapping[Section, Rule] = {
    Section.SYSTEM: _identity,
    Section.SIZES: _sizes,
    Section.ADDRESSES: _moved,
    Section.RESOLVERS: _moved,
    Section.ROUTES: _routes,
    Section.LISTENING: _listening,
    Section.ENABLED: _added,
    Section.FAILED: _failed,
    Section.TIME: _time,
    Section.SWAP: _swap,
    Section.MOUNTS: _added,
}
