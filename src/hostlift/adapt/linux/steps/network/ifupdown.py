# SPDX-License-Identifier: Apache-2.0
"""ifupdown: the first card becomes eth0 with DHCP; stanzas of cards that are gone go.

Where ifupdown has no DHCP client to call, systemd-networkd takes eth0 over (see `networkd`).
"""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats.interfaces import Stanza, parse, renamed, render, without_names
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.dhcp import ifupdown_asks, networkd_must_ask
from hostlift.adapt.linux.found.ports import FIRST, is_physical

_MAIN = "/etc/network/interfaces"
_FOLDER = "/etc/network/interfaces.d"
_WHY = "ECS gives one interface, eth0, its address by DHCP"
_DHCP = f"auto {FIRST}\niface {FIRST} inet dhcp\n"
_OTHER_STACKS = ("/etc/netplan", "/etc/systemd/network", "/etc/NetworkManager/system-connections")


def apply(bench: Bench, edit: Editor) -> None:
    """Rewrite the stanzas of physical cards, wherever they are."""
    files = {path: parse(bench.tree.read(path)) for path in _files(bench)}
    if not files:
        return
    stanzas = [s for parsed in files.values() for s in parsed]
    names = {s.name for s in stanzas if s.name and is_physical(s.name)}
    if names == {FIRST} and _is_done(stanzas):
        return
    if not names and any(bench.names(folder) for folder in _OTHER_STACKS):
        return
    if bench.keeps_addresses:
        _rename(bench, edit, files, names)
        return
    home = next((p for p, parsed in files.items() if any(s.name in names for s in parsed)), _MAIN)
    by_networkd = networkd_must_ask(bench)
    for path, parsed in files.items():
        new = _rewritten(parsed, names, dhcp=path == home and not by_networkd)
        edit.write(path, render(new), _WHY)
    _tell(bench, stanzas, names)
    if not by_networkd and not ifupdown_asks(bench):
        bench.note("no DHCP client is installed: install isc-dhcp-client on the source and rerun")


def _files(bench: Bench) -> list[str]:
    """The main file and what it includes from the usual folder."""
    paths = [f"{_FOLDER}/{name}" for name in bench.names(_FOLDER)]
    return [p for p in (_MAIN, *paths) if bench.text(p) is not None]


def _is_done(stanzas: list[Stanza]) -> bool:
    ours = [s for s in stanzas if s.name == FIRST]
    dhcp = any((s.family, s.method) == ("inet", "dhcp") for s in ours)
    pinned = any(s.family == "inet6" and s.method == "static" for s in ours)
    pinned |= any(s.option("hwaddress") for s in ours)
    return dhcp and not pinned and any(s.is_hook and FIRST in s.words for s in stanzas)


def _rename(bench: Bench, edit: Editor, files: dict[str, list[Stanza]], names: set[str]) -> None:
    """The card with the default route becomes eth0 with its addresses; the others go."""
    stanzas = [s for parsed in files.values() for s in parsed if s.name in names]
    routed = (s.name for s in stanzas if s.option("gateway"))
    chosen = next(routed, stanzas[0].name if stanzas else "")
    for path, parsed in files.items():
        new: list[Stanza] = []
        for stanza in parsed:
            if stanza.name == chosen:
                new.append(renamed(stanza, FIRST))
            elif stanza.name in names:
                bench.note(f"{stanza.name} had addresses of its own; there is one card on ECS")
            elif stanza.is_hook and chosen in stanza.words:
                words = [
                    FIRST if w == chosen else w for w in stanza.words if w not in names - {chosen}
                ]
                new.append(Stanza(stanza.kind, tuple(words), f"{stanza.kind} {' '.join(words)}\n"))
            else:
                left = without_names(stanza, names) if stanza.is_hook else stanza
                new += [left] if left is not None else []
        edit.write(path, render(new), "the first card of ECS is eth0; its addresses were kept")


def _rewritten(stanzas: list[Stanza], names: set[str], *, dhcp: bool) -> list[Stanza]:
    new: list[Stanza] = []
    ours = Stanza("iface", (FIRST, "inet", "dhcp"), _DHCP)
    for stanza in stanzas:
        if stanza.name in names:
            if dhcp and ours not in new:
                new.append(ours)
        elif stanza.is_hook:
            left = without_names(stanza, names | {FIRST})
            new += [left] if left is not None else []
        else:
            new.append(stanza)
    if dhcp and ours not in new:
        end = "" if not new or new[-1].text.endswith("\n") else "\n"
        new.append(Stanza("", (), f"{end}\n{_DHCP}"))
    return new


def _tell(bench: Bench, stanzas: list[Stanza], names: set[str]) -> None:
    for stanza in stanzas:
        if stanza.name in names and stanza.method == "static":
            address = stanza.option("address")
            bench.note(f"{stanza.name} had the static address {address}; it gets one by DHCP now")
        uses = set(stanza.option("bridge_ports").split()) | set(
            stanza.option("bond-slaves").split()
        )
        if stanza.name and uses & names:
            bench.note(f"{stanza.name} is built on {', '.join(sorted(uses & names))}: look at it")


STEP = Step("ifupdown", "eth0 with DHCP where ifupdown runs the network.", apply)
