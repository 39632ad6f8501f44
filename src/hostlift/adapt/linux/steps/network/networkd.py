# SPDX-License-Identifier: Apache-2.0
"""systemd-networkd: eth0 with DHCP, ahead of the files for the old cards."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.dhcp import NETWORKD, networkd_must_ask, networkd_unit
from hostlift.adapt.linux.found.ports import FIRST
from hostlift.adapt.linux.templates import template

_FOLDER = "/etc/systemd/network"
_OURS = f"{_FOLDER}/05-hostlift.network"
_ENABLED = f"/etc/systemd/system/multi-user.target.wants/{NETWORKD}"
_WHY = "ECS gives one interface, eth0, its address by DHCP"
_PINNED = re.compile(r"(?mi)^\s*(?:Permanent)?MACAddress\s*=")


def apply(bench: Bench, edit: Editor) -> None:
    """The first file that matches wins: ours comes first. Names pinned to old cards go."""
    names = bench.names(_FOLDER)
    for name in names:
        if name.endswith(".link") and _PINNED.search(bench.text(f"{_FOLDER}/{name}") or ""):
            edit.remove(f"{_FOLDER}/{name}", "it names a card of the old machine")
    if bench.keeps_addresses and _rename(bench, edit):
        return
    if networkd_must_ask(bench) and not bench.keeps_addresses:
        edit.write(_OURS, template("networkd.network"), _WHY)
        edit.link(_ENABLED, networkd_unit(bench), "ifupdown has no DHCP client: networkd asks")
    elif any(name.endswith(".network") for name in names):
        edit.write(_OURS, template("networkd.network"), _WHY)


def _rename(bench: Bench, edit: Editor) -> bool:
    """The file with the default route, for eth0, ahead of the others; False: there is none."""
    texts = [text for p in bench.glob(f"{_FOLDER}/*.network") if (text := bench.text(p))]
    static = [text for text in texts if re.search(r"(?mi)^\s*Address\s*=", text)]
    chosen = next(
        (t for t in static if re.search(r"(?mi)^\s*Gateway\s*=", t)), next(iter(static), "")
    )
    if chosen:
        edit.write_text(_OURS, _for_first_card(chosen), "its addresses were kept")
    return bool(chosen)


def _for_first_card(text: str) -> str:
    """With a [Match] section of its own."""
    sections = re.split(r"(?m)^(?=\[)", text)
    rest = [s for s in sections if not s.lower().startswith("[match]")]
    return "".join([rest[0], f"[Match]\nName={FIRST}\n\n", *rest[1:]])


STEP = Step("networkd", "eth0 with DHCP where systemd-networkd runs the network.", apply)
