# SPDX-License-Identifier: Apache-2.0
"""What to do for a freeze, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostlift.replicate.freezing.processes import ProcessId


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezePlan:
    """What to do for a freeze.

    Attributes:
        hooks: Names of built-in hooks.
        hooks_folder: The user's own hooks, see `hooks.folder`.
        foreign_folders: Folders with hooks made for qemu-ga that the user wants to be called too.
        filesystems: Mount points that are copied; hooks are told.
        limit: Seconds after which the watchdog thaws, come what may.
        hold: Seconds that everything stays frozen after the block has ended well, or until
            `hostlift.replicate.held.release`; 0: it thaws with the block.
        scope: Only this control group and those below it; None: the whole machine.
    """

    hooks: tuple[str, ...] = ()
    hooks_folder: Path | None = None
    foreign_folders: tuple[Path, ...] = ()
    filesystems: tuple[str, ...] = ()
    limit: float = 30.0
    hold: float = 0.0
    scope: Path | None = None


@dataclass(slots=True)
class Ice:
    """What was frozen, and for how long.

    Attributes:
        services: Control groups.
        processes: Processes that were stopped one by one.
        hook_seconds: How long the hooks took before anything stood still.
        freezing_seconds: From the first that was stopped until all stood still.
        seconds: From the first that was stopped to the last that was thawed, or to the end of the
            block when all is held; 0 until then.
        holder: The process that holds on after the block; None when nothing is held.
    """

    services: int = 0
    processes: int = 0
    hook_seconds: float = 0.0
    freezing_seconds: float = 0.0
    seconds: float = 0.0
    holder: ProcessId | None = None
