# SPDX-License-Identifier: Apache-2.0
"""The user's own hooks: executables in a folder, called as qemu-ga calls its fsfreeze hooks.

``check``     first; a failure means: not for this machine. Its output may be a JSON object:
              ``{"actions": ["pre-pass", "freeze", "thaw", "cutover"], "timeout": 10}``. Without
              it, or where it is silent: ``freeze`` and ``thaw``, 30 seconds for each call.
``pre-pass``  before a pass that runs while all is in service
``freeze``    in the order of their names, before processes stop
``thaw``      in reverse order, always, and perhaps twice
``cutover``   after the last pass of a move that is not taken back

Standard input is a JSON object: ``action``, ``filesystems`` (mount points that are copied),
``limit_seconds``, and ``deadline``: when everything is thawed at the latest, in seconds since 1970.
Only files that root owns and nobody else can write are run. A folder made for qemu-ga is called
with ``freeze`` and ``thaw`` only.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from hostlift.ports.commands import Commands

_CHECK_SECONDS = 10.0
_CALL_SECONDS = 30.0
_MOST_SECONDS = 600.0
THAW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class UserHook:
    """An executable and what it wants to be called with.

    Attributes:
        timeout: Seconds for each call.
        foreign: Made for qemu-ga: it knows no ``check``.
    """

    path: Path
    actions: frozenset[str] = frozenset({"freeze", "thaw"})
    timeout: float = _CALL_SECONDS
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a hook is told; `hooks.folder` has the meaning of each."""

    filesystems: tuple[str, ...] = ()
    limit: float = 0.0
    deadline: float = 0.0

    def text(self, action: str) -> bytes:
        """As a hook reads it."""
        said = {
            "action": action,
            "filesystems": list(self.filesystems),
            "limit_seconds": self.limit,
            "deadline": self.deadline,
        }
        return json.dumps(said).encode()


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


def asked(path: Path, commands: Commands, request: Request) -> UserHook | None:
    """The hook as its ``check`` describes it; None when it has nothing to do here."""
    done = commands.run(
        [str(path), "check"], timeout=_CHECK_SECONDS, stdin=request.text("check"), check=False
    )
    if done.status != 0:
        return None
    hook = UserHook(path)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return hook
    if not isinstance(said, dict):
        return hook
    if isinstance(actions := said.get("actions"), list):
        hook = replace(hook, actions=frozenset(str(action) for action in actions))
    if isinstance(seconds := said.get("timeout"), int | float):
        hook = replace(hook, timeout=min(max(float(seconds), 1.0), _MOST_SECONDS))
    return hook


def call(hook: UserHook, action: str, commands: Commands, request: Request) -> None:
    """Call it, if it wants to be called for this.

    Raises:
        CommandFailed: It failed.
    """
    if action in hook.actions:
        line = [str(hook.path), action]
        commands.run(line, timeout=hook.timeout, stdin=request.text(action))
