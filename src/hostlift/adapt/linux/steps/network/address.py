# SPDX-License-Identifier: Apache-2.0
"""After all others: somebody must ask for the first card's address."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.dhcp import NETWORKD, networkd_unit
from hostlift.adapt.linux.found import stacks
from hostlift.adapt.linux.templates import template

_OURS = "/etc/systemd/network/05-hostlift.network"
_ENABLED = f"/etc/systemd/system/multi-user.target.wants/{NETWORKD}"


def apply(bench: Bench, edit: Editor) -> None:
    """Let systemd-networkd ask where nobody else does; tell when that is not possible either."""
    there = bench.tools.stacks
    if not there or any(_asks(bench, stack) for stack in there):
        return
    unit = networkd_unit(bench)
    if unit:
        why = "nothing else asks for an address of eth0"
        edit.write(_OURS, template("networkd.network"), why)
        edit.link(_ENABLED, unit, why)
        return
    names = ", ".join(stack.name for stack in there)
    bench.note(f"nothing seems to ask for an address of eth0 (found: {names}): look at it")


def _asks(bench: Bench, stack: stacks.NetworkStack) -> bool:
    """Its configuration says so; whether it is started is believed where no init can be seen."""
    if not stacks.serves_first_card(bench.tree, stack):
        return False
    inits = bench.tools.inits
    visible = inits.systemd or inits.upstart or inits.openrc
    return not visible or not stack.services or stacks.runs(bench.tree, stack)


STEP = Step("address", "Somebody asks for the first card's address.", apply)
