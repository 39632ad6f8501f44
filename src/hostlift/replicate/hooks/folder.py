# SPDX-License-Identifier: Apache-2.0
"""The user's own hooks: executables in a folder, called as qemu-ga calls its fsfreeze hooks.

Each is called with ``check`` (a failure means: not for this machine), then, in the order of their
names, with ``freeze``; after the freeze, in reverse order, with ``thaw``. Standard input is JSON.
Only files that root owns and nobody else can write are run.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from hostlift.ports.commands import Commands

_CHECK_SECONDS = 10.0
FREEZE_SECONDS = 30.0
THAW_SECONDS = 30.0


def found(folder: Path | None) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Hooks in order, and a sentence for each file that is not run."""
    if folder is None or not folder.is_dir():
        return (), ()
    good: list[Path] = []
    left: list[str] = []
    for path in sorted(folder.iterdir()):
        st = path.stat() if path.exists() else None
        if st is None or not stat.S_ISREG(st.st_mode) or not os.access(path, os.X_OK):
            continue
        if st.st_uid not in {0, os.geteuid()} or st.st_mode & 0o022:
            left.append(f"hook {path.name} is not run: others than root can change it")
        else:
            good.append(path)
    return tuple(good), tuple(left)


def applies(hook: Path, commands: Commands, limit: float) -> bool:
    """Whether the hook says it has something to do here."""
    done = commands.run(
        [str(hook), "check"], timeout=_CHECK_SECONDS, stdin=_input("check", limit), check=False
    )
    return done.status == 0


def call(hook: Path, action: str, commands: Commands, limit: float) -> None:
    """Run ``freeze`` or ``thaw``.

    Raises:
        CommandFailed: It failed.
    """
    seconds = FREEZE_SECONDS if action == "freeze" else THAW_SECONDS
    commands.run([str(hook), action], timeout=seconds, stdin=_input(action, limit))


def _input(action: str, limit: float) -> bytes:
    return json.dumps({"action": action, "limit_seconds": limit}).encode()
