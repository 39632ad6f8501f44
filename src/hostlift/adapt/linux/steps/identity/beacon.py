# SPDX-License-Identifier: Apache-2.0
"""The boot beacon: once, after the first boot, the copy says on its console how it came up."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

_FOLDER = "/etc/systemd/system"
_UNIT = f"{_FOLDER}/hostlift-beacon.service"
_SCRIPT = f"{_FOLDER}/hostlift-beacon.sh"
_LINK = f"{_FOLDER}/multi-user.target.wants/hostlift-beacon.service"
_WHY = "proof of the first boot; it removes itself"


def apply(bench: Bench, edit: Editor) -> None:
    """Install unit and script when a beacon is ordered; take them away when none is."""
    if not bench.order.beacon:
        for path in (_LINK, _UNIT, _SCRIPT):
            edit.remove(path, "no beacon was ordered")
        return
    if not bench.tree.exists(_FOLDER):
        bench.note("without systemd there is no boot beacon: look at the console yourself")
        return
    script = template("beacon.sh").replace(b"@TOKEN@", bench.order.beacon.encode())
    edit.write(_SCRIPT, script, _WHY)
    edit.write(_UNIT, template("beacon.service"), _WHY)
    edit.link(_LINK, _UNIT, _WHY)


STEP = Step("beacon", "Say on the console how the first boot went.", apply)
