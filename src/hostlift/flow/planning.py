# SPDX-License-Identifier: Apache-2.0
"""From facts and wishes to the plan: adds the exclude files, and keeps our own state at home."""

from __future__ import annotations

from pathlib import Path

from hostlift.flow.results import Inspection
from hostlift.model.plan import MigrationPlan
from hostlift.plan.make import make
from hostlift.settings import excludes
from hostlift.settings.folder import Workspace
from hostlift.settings.user_config import Settings

_LIVE = Path("/")


def make_plan(
    settings: Settings, workspace: Workspace, source_root: Path, inspection: Inspection
) -> MigrationPlan:
    """The plan for this source and these wishes. Pure but for reading the exclude files."""
    patterns = exclude_patterns(settings, workspace, source_root)
    return make(inspection.machine, settings, patterns)


def exclude_patterns(
    settings: Settings, workspace: Workspace, source_root: Path
) -> dict[int, tuple[str, ...]]:
    """Patterns by disk, anchored at the disk's root; hostlift's state and keys never travel."""
    disks = {disk.data_disk_index: disk.src_path.rstrip("/") for disk in settings.data_disks}
    patterns = excludes.read(workspace.excludes, tuple(disks))
    if source_root != _LIVE:
        return patterns
    for own in workspace.own_patterns():
        holders = [i for i, path in disks.items() if own.startswith(path + "/")]
        index = max(holders, key=lambda i: len(disks[i]), default=0)
        prefix = disks[index] if index else ""
        patterns[index] = (*patterns[index], own.removeprefix(prefix))
    return patterns
