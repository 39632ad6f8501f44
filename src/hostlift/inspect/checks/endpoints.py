# SPDX-License-Identifier: Apache-2.0
"""The addresses that must be reachable from the source, outbound only."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "hostlift.Endpoints"
TITLE = "Cloud endpoints"


def run(_machine: Machine, context: CheckContext) -> list[Finding]:
    """One finding for each address that was tried."""
    if not context.reach:
        return [note(ID, TITLE, "not tried: no region or credentials are given")]
    return [_one(*tried) for tried in context.reach]


def _one(endpoint: str, reachable: bool, detail: str) -> Finding:
    if reachable:
        return ok(ID, TITLE, endpoint)
    remedy = (
        f"Allow outbound TCP to {endpoint} (firewall, proxy, DNS), or correct endpoint and"
        " region_id; nothing has to be open inbound."
    )
    return blocker(ID, TITLE, f"{endpoint}: {detail}" if detail else endpoint, remedy)


CHECK = Check(ID, TITLE, run)
