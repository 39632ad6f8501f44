# SPDX-License-Identifier: Apache-2.0
"""``ifcfg-*`` files of Red Hat and SUSE: one dialect each, as data, and what both have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import shellvars
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.found.ports import FIRST, is_physical

_BACKUPS = ("~", ".bak", ".orig", ".rpmnew", ".rpmsave")
WHY = f"ECS gives one interface, {FIRST}, its address by DHCP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where the files are and what they say.

    Attributes:
        dhcp: The whole file for the first card.
        pins: Names that tie a file to one card.
        masters: Names that say which interface a card is part of.
        parts: Prefixes of names that list the cards an interface is built of.
        off: Assignment that keeps an interface down.
        companions: Prefixes of more files of a card (routes, rules).
    """

    folder: str
    dhcp: str
    pins: tuple[str, ...]
    masters: tuple[str, ...]
    parts: tuple[str, ...]
    off: tuple[str, str]
    companions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    path: str
    text: str


def adapt(bench: Bench, edit: Editor, dialect: Dialect) -> None:
    """One file for the first card in place of those for the old ones; others stay."""
    files = list(_files(bench, dialect))
    cards = [file for file in files if is_physical(file.name)]
    if not cards or _is_done(dialect, cards):
        return
    chosen = next((file for file in cards if _has_route(file.text)), cards[0])
    kept = bench.keeps_addresses and not _masters(dialect, chosen.text)
    ours = f"{dialect.folder}/ifcfg-{FIRST}"
    for file in cards:
        stays = kept and file is chosen
        _tell(bench, file, kept=stays)
        if file.path != ours:
            edit.remove(file.path, WHY)
        _companions(bench, edit, dialect, file.name, kept=stays)
    edit.write_text(ours, _unpinned(dialect, chosen.text) if kept else dialect.dhcp, WHY)
    _turn_off(bench, edit, dialect, files, cards)


def _files(bench: Bench, dialect: Dialect) -> Iterator[_File]:
    """All of them, without the backups that editors leave."""
    for path in bench.glob(f"{dialect.folder}/ifcfg-*"):
        name, text = path.rpartition("/ifcfg-")[2], bench.text(path)
        if text is not None and not name.endswith(_BACKUPS):
            yield _File(shellvars.get(text, "DEVICE") or name, path, text)


def _is_done(dialect: Dialect, cards: list[_File]) -> bool:
    text = cards[0].text
    if [file.name for file in cards] != [FIRST]:
        return False
    dhcp = "dhcp" in (shellvars.get(text, "BOOTPROTO") or "").lower()
    return dhcp and not any(shellvars.is_assigned(text, name) for name in dialect.pins)


def _has_route(text: str) -> bool:
    return shellvars.is_assigned(text, "GATEWAY") or shellvars.is_assigned(text, "DEFROUTE")


def _masters(dialect: Dialect, text: str) -> list[str]:
    return [value for name in dialect.masters if (value := shellvars.get(text, name))]


def _unpinned(dialect: Dialect, text: str) -> str:
    for name in dialect.pins:
        text = shellvars.drop(text, name)
    for name in ("DEVICE", "NAME"):
        if shellvars.is_assigned(text, name):
            text = shellvars.put(text, name, FIRST)
    return text


def _tell(bench: Bench, file: _File, *, kept: bool) -> None:
    address = shellvars.get(file.text, "IPADDR") or shellvars.get(file.text, "IPADDR0")
    if address and not kept:
        bench.note(f"{file.name} had the static address {address}; {FIRST} gets one by DHCP now")


def _companions(bench: Bench, edit: Editor, dialect: Dialect, name: str, *, kept: bool) -> None:
    """Routes go by gateways of the old network; they move with a static address only."""
    for prefix in dialect.companions:
        old, new = f"{dialect.folder}/{prefix}{name}", f"{dialect.folder}/{prefix}{FIRST}"
        text = bench.text(old)
        if text is None or (kept and old == new):
            continue
        if kept:
            edit.write_text(new, text.replace(name, FIRST), WHY)
        else:
            bench.note(f"{old} held routes of the old network and was taken away")
        edit.remove(old, WHY)


def _turn_off(
    bench: Bench, edit: Editor, dialect: Dialect, files: list[_File], cards: list[_File]
) -> None:
    """Bonds, bridges and VLANs over cards that are gone would hold their address and its route."""
    gone = {file.name for file in cards}
    masters = {m for file in cards for m in _masters(dialect, file.text)}
    for file in files:
        if file.name in gone or not (file.name in masters or _uses(dialect, file) & gone):
            continue
        edit.write_text(file.path, shellvars.put(file.text, *dialect.off), "its cards are gone")
        bench.note(f"{file.name} was built on cards of the old machine: it stays down, look at it")


def _uses(dialect: Dialect, file: _File) -> set[str]:
    """Cards that an interface is built of: ``bond0`` names them, ``ens3.100`` is named by them."""
    used = {file.name.partition(".")[0]} if "." in file.name else set()
    for prefix in dialect.parts:
        used |= {word for value in shellvars.values(file.text, prefix) for word in value.split()}
    return used
