# SPDX-License-Identifier: Apache-2.0
"""The readable client_data file: a view of the journal under the original tool's keys.

Scripts written for the original read ``status`` (``Finished``) and ``image_id``. The file is
rewritten after every journal row and never read back for state; only when ``client_data.db`` is
lost does its ``migration`` still say by which tag everything can be found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hostlift import __version__
from hostlift.errors import StateError
from hostlift.flow.journal import SNAPSHOT, Held, Holding, State
from hostlift.flow.rehearsal import images
from hostlift.flow.results import Results
from hostlift.host.files import atomic_write


def writer(path: Path) -> Callable[[State], None]:
    """A journal observer that keeps ``path`` current."""

    def write(state: State) -> None:
        text = json.dumps(view(state), indent=2, ensure_ascii=False) + "\n"
        try:
            atomic_write(path, text.encode(), 0o600)
        except OSError as error:
            raise StateError(f"cannot be written: {error.strerror}", subject=str(path)) from error

    return write


def view(state: State) -> dict[str, Any]:
    """The state as the file shows it."""
    plan = _result(state, "plan").get("plan", {})
    site = _result(state, "provision")
    return {
        "version": __version__,
        "migration": state.migration,
        "status": _status(state),
        "image_id": _id(state.latest("image")),
        "image_name": plan.get("image_name", ""),
        "platform": plan.get("platform", ""),
        "architecture": plan.get("architecture", ""),
        "step": state.running,
        "failure": state.failure,
        "steps": [name for name in Results.names() if name in state.done],
        "extra": {"net": {"net_mode": site.get("net_mode", 0)}},
        "transition": {
            "vpc": {"vpc_id": _id(state.latest("vpc"))},
            "vswitch": {"vswitch_id": _id(state.latest("vswitch"))},
            "security_group": {"security_group_id": _id(state.latest("security-group"))},
            "instance": {
                "instance_id": _id(state.latest("intermediate")),
                "instance_type": site.get("instance_type", ""),
                "zone_id": site.get("zone", ""),
                "disk_ids": [disk for disk, _ in site.get("disks", [])],
            },
        },
        "snapshot_ids": _snapshots(state),
        "sync": _sync(state),
        "updated": _time(state.updated),
    }


def _sync(state: State) -> dict[str, Any]:
    return {
        "passes": len(state.passes),
        "lives_until": _time(state.kept_until),
        "rehearsals": [
            {
                "image_id": held.id,
                "image_name": held.params["name"],
                "snapshot_ids": held.params["snapshots"],
            }
            for held in images(state)
        ],
    }


def _snapshots(state: State) -> list[str]:
    """Of the real image, system disk first; over the longer way its snapshot is the last one made."""
    mine = [h for h in state.live() if h.role.startswith(SNAPSHOT) and h.id]
    return [h.id for h in sorted(mine, key=lambda h: int(h.role.removeprefix(SNAPSHOT)))]


def migration_of(path: Path) -> str:
    """The migration id in a client_data file; empty when there is no such file or no id in it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return ""
    value = found.get("migration", "") if isinstance(found, dict) else ""
    return value if isinstance(value, str) else ""


def _status(state: State) -> str:
    if state.finished:
        return "Finished"
    return "Not Finished" if state.migration else ""


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else ""


def _id(held: Held | None) -> str:
    return held.id if held is not None and held.life is Holding.HELD else ""


def _result(state: State, step: str) -> dict[str, Any]:
    done = state.done.get(step)
    return json.loads(done.result) if done else {}
