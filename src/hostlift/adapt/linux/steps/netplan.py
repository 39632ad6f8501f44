# SPDX-License-Identifier: Apache-2.0
"""netplan: one file for eth0 with DHCP in place of those for the old cards."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

_FOLDER = "/etc/netplan"
_OURS = f"{_FOLDER}/50-hostlift.yaml"
_WHY = "ECS gives one interface, eth0, its address by DHCP"


def apply(bench: Bench, edit: Editor) -> None:
    """Replace the files; which daemon carries them out stays as it was."""
    old = [f"{_FOLDER}/{n}" for n in bench.names(_FOLDER) if n.endswith((".yaml", ".yml"))]
    if not old or old == [_OURS]:
        return
    manager = any("NetworkManager" in (bench.text(path) or "") for path in old)
    renderer = b"NetworkManager" if manager else b"networkd"
    edit.write(_OURS, template("netplan.yaml").replace(b"@RENDERER@", renderer), _WHY, mode=0o600)
    for path in old:
        if path != _OURS:
            if "addresses:" in (bench.text(path) or ""):
                bench.note(f"{path} set static addresses; eth0 gets one by DHCP now")
            edit.remove(path, _WHY)


STEP = Step("netplan", "eth0 with DHCP where netplan describes the network.", apply)
