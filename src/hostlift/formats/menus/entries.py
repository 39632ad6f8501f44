# SPDX-License-Identifier: Apache-2.0
"""Boot Loader Specification entries, as GRUB's blscfg and systemd-boot order and choose them.

https://uapi-group.org/specifications/specs/boot_loader_specification/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hostlift.formats.menus.files import Files, newest

_TOPS = ("/boot", "/boot/efi", "/efi")
_FOLDER = "loader/entries"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file; ``id`` is its name without ``.conf``."""

    id: str
    title: str
    version: str
    kernel: str
    sort_key: str


def grub_default(files: Files, chosen: str) -> str:
    """The kernel of the entry that an index, a title or an id names; the newest for any other."""
    found = sorted(_read(files), key=lambda e: newest(e.id), reverse=True)
    if chosen.isdecimal():
        return _at(found, int(chosen))
    named = (e.kernel for e in found if chosen in (e.id, f"{e.id}.conf", e.title))
    return next(named, "") or _at(found, 0)


def systemd_boot_default(files: Files) -> str:
    """The kernel of the first entry that ``loader.conf`` matches; without it the first in order.

    Empty when the choice is kept in the firmware, which does not travel.
    """
    found = sorted(_read(files), key=lambda e: newest(e.id), reverse=True)
    found.sort(key=lambda e: newest(e.version or e.id), reverse=True)
    # Entries that say where they belong come before those that do not.
    found.sort(key=lambda e: (not e.sort_key, e.sort_key))
    wanted = _wanted(files)
    if wanted.startswith("@"):
        return ""
    pattern = wanted.removesuffix(".conf")
    named = (e.kernel for e in found if pattern and fnmatchcase(e.id, pattern))
    return next(named, "") or _at(found, 0)


def _wanted(files: Files) -> str:
    for top in _TOPS:
        for line in (files.text(f"{top}/loader/loader.conf") or "").splitlines():
            key, _, value = line.strip().partition(" ")
            if key == "default":
                return value.strip()
    return ""


def _read(files: Files) -> list[Entry]:
    paths = [(f"{top}/{_FOLDER}", n) for top in _TOPS for n in files.names(f"{top}/{_FOLDER}")]
    confs = [(folder, name) for folder, name in paths if name.endswith(".conf")]
    found = [_parsed(n.removesuffix(".conf"), files.text(f"{f}/{n}")) for f, n in confs]
    return [entry for entry in found if entry.kernel]


def _parsed(name: str, text: str | None) -> Entry:
    fields: dict[str, str] = {}
    for line in (text or "").splitlines():
        key, *rest = line.split(None, 1) or [""]
        fields.setdefault(key, rest[0].strip() if rest else "")
    kernel = fields.get("linux") or fields.get("efi", "")
    return Entry(
        # systemd counts the boots of an entry in its name: NAME+3-0.conf
        name.partition("+")[0] if _is_counted(name) else name,
        fields.get("title", ""),
        fields.get("version", ""),
        kernel,
        fields.get("sort-key", ""),
    )


def _is_counted(name: str) -> bool:
    tail = name.rpartition("+")[2]
    return "+" in name and tail.replace("-", "").isdecimal()


def _at(found: Sequence[Entry], index: int) -> str:
    return found[index].kernel if index < len(found) else (found[0].kernel if found else "")
