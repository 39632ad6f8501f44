# SPDX-License-Identifier: Apache-2.0
"""From facts and wishes to the plan: adds the exclude files, and keeps our own state at home."""

from __future__ import annotations

import os
from pathlib import Path

import hostlift
from hostlift.flow.results import Inspection
from hostlift.model.plan import MigrationPlan
from hostlift.plan.make import make
from hostlift.replicate.excludes import literal
from hostlift.settings import excludes
from hostlift.settings.folder import Workspace
from hostlift.settings.user_config import Settings

_LIVE = Path("/")


def make_plan(
    settings: Settings, workspace: Workspace, source_root: Path, inspection: Inspection
) -> MigrationPlan:
    """The plan for this source and these wishes. Pure but for reading the exclude files."""
    disks = tuple(disk.data_disk_index for disk in settings.data_disks)
    patterns = excludes.read(workspace.excludes, disks)
    private = (*workspace.own_patterns(), *_bundle()) if source_root == _LIVE else ()
    return make(inspection.machine, settings, patterns, private=private)


def _bundle() -> tuple[str, ...]:
    """The libraries of the bundle we run from: hostlift was carried in and does not move along.

    An installation by pip is the system's own and is copied like the rest.
    """
    libraries = Path(hostlift.__file__).resolve().parents[1]
    if not (libraries / "run.py").is_file():
        return ()
    return (literal(os.fsencode(libraries)) + "/",)
