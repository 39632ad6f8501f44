# SPDX-License-Identifier: Apache-2.0
"""netplan: one file for eth0 with DHCP in place of those for the old cards."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import netplan
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found.ports import FIRST
from hostlift.adapt.linux.templates import template

_FOLDER = "/etc/netplan"
_OURS = f"{_FOLDER}/50-hostlift.yaml"
_WHY = "ECS gives one interface, eth0, its address by DHCP"


def apply(bench: Bench, edit: Editor) -> None:
    """Replace the files; which daemon carries them out stays as it was."""
    old = [f"{_FOLDER}/{n}" for n in bench.names(_FOLDER) if n.endswith((".yaml", ".yml"))]
    if not old or old == [_OURS]:
        return
    if bench.keeps_addresses and _rename(bench, edit, old):
        return
    manager = any("NetworkManager" in (bench.text(path) or "") for path in old)
    renderer = b"NetworkManager" if manager else b"networkd"
    edit.write(_OURS, template("netplan.yaml").replace(b"@RENDERER@", renderer), _WHY, mode=0o600)
    for path in old:
        if path != _OURS:
            if "addresses:" in (bench.text(path) or ""):
                bench.note(f"{path} set static addresses; eth0 gets one by DHCP now")
            edit.remove(path, _WHY)


def _rename(bench: Bench, edit: Editor, paths: list[str]) -> bool:
    """The card with the default route becomes eth0 with its addresses; False: no such style."""
    found = {path: parsed for path in paths if (parsed := netplan.parse(bench.text(path) or ""))}
    cards = [(p, n, block) for p, parsed in found.items() for n, block in parsed.cards.items()]
    if not cards:
        bench.note("netplan's files are not in block style: the address was not kept, DHCP is on")
        return False
    home, name, block = next((c for c in cards if netplan.has_route(c[2])), cards[0])
    for path, parsed in found.items():
        if path == home:
            text = parsed.before + netplan.renamed(block, FIRST) + parsed.after
            edit.write_text(path, text, "the first card of ECS is eth0; its addresses were kept")
        else:
            edit.remove(path, "it describes cards of the old machine")
    for _, other, _ in cards:
        if other != name:
            bench.note(f"{other} had addresses of its own; there is one card on ECS")
    return True


STEP = Step("netplan", "eth0 with DHCP where netplan describes the network.", apply)
