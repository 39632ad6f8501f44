# SPDX-License-Identifier: Apache-2.0
"""Calls the hooks of a plan in their order, and backwards to thaw.

    built-in: prepare -> the user's: freeze -> built-in: freeze     (then processes stop)
    built-in: thaw    <- the user's: thaw                            (after they go on)

A built-in hook that fails is a warning. The user's own failing to freeze ends it: he said that
without it the copy is worth nothing. What was called before is thawed in either case.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from hostlift.errors import HostError
from hostlift.events import EventSink, Note
from hostlift.replicate.freezing.plan import FreezePlan
from hostlift.replicate.hooks import BUILT_IN, folder
from hostlift.replicate.hooks.contract import Action, Hook, Site
from hostlift.replicate.hooks.folder import Request, UserHook

_BUILT_IN_SECONDS = 60.0

Tell: TypeAlias = Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class Rounds:
    """The hooks of one plan."""

    plan: FreezePlan
    site: Site
    sink: EventSink

    def before_pass(self) -> None:
        """``pre-pass`` of all; none of them can hinder a pass."""
        for hook in self._built_in():
            self._try(hook.name, hook.pre_pass)
        for user in self._users("pre-pass"):
            try:
                folder.call(user, "pre-pass", self.site.commands, self._request())
            except HostError as error:
                self._warn(f"hook {user.path.name}: {error}")

    def cut_over(self) -> None:
        """``cutover`` of the user's hooks.

        Raises:
            HostError: One failed; those after it were not called.
        """
        for user in self._users("cutover"):
            folder.call(user, "cutover", self.site.commands, self._request())

    def freeze(self, tell: Tell, undo: contextlib.ExitStack) -> None:
        """Everything before processes stop; ``undo`` thaws it.

        Args:
            tell: To the watchdog, before anything is done that it would have to undo.

        Raises:
            HostError: A hook of the user's failed, or the watchdog has died.
        """
        built_in = self._built_in()
        for hook in built_in:
            self._try(hook.name, hook.prepare)
        for user in self._users("freeze"):
            tell({"limit": user.timeout + self.plan.limit})
            if "thaw" in user.actions:
                tell({"hook": str(user.path)})
                undo.callback(self._thaw_user, user)
            self._freeze_user(user)
        undo.callback(self.site.held.close)
        for hook in built_in:
            tell({"limit": _BUILT_IN_SECONDS + self.plan.limit})
            tell({"built_in": hook.name})
            undo.callback(self._try, hook.name, hook.thaw)
            self._try(hook.name, hook.freeze)

    def _built_in(self) -> list[Hook]:
        found = []
        for name in self.plan.hooks:
            hook = BUILT_IN.get(name)
            if hook is None:
                self._warn(f"there is no freeze hook {name!r}")
            elif self._applies(hook):
                found.append(hook)
        return found

    def _applies(self, hook: Hook) -> bool:
        try:
            return hook.check(self.site)
        except HostError as error:
            self._warn(f"hook {hook.name}: {error}")
            return False

    def _users(self, action: str) -> list[UserHook]:
        """Those that want to be called for ``action``; foreign ones come first."""
        foreign = [
            UserHook(p, foreign=True) for f in self.plan.foreign_folders for p in self._in(f)
        ]
        paths = self._in(self.plan.hooks_folder)
        request = self._request()
        own = [folder.asked(path, self.site.commands, request) for path in paths]
        return [h for h in (*foreign, *own) if h is not None and action in h.actions]

    def _in(self, place: Path | None) -> tuple[Path, ...]:
        paths, left = folder.found(place)
        for text in left:
            self._warn(text)
        return paths

    def _freeze_user(self, hook: UserHook) -> None:
        try:
            folder.call(hook, "freeze", self.site.commands, self._request(hook.timeout))
        except HostError as error:
            if not hook.foreign:
                raise
            self._warn(f"hook {hook.path.name}: {error}")

    def _thaw_user(self, hook: UserHook) -> None:
        try:
            folder.call(hook, "thaw", self.site.commands, self._request())
        except HostError as error:
            self._warn(f"hook {hook.path.name} did not thaw: {error}")

    def _request(self, first: float = 0.0) -> Request:
        limit = self.plan.limit
        deadline = self.site.clock.now() + first + limit
        return Request(filesystems=self.plan.filesystems, limit=limit, deadline=deadline)

    def _try(self, name: str, action: Action) -> None:
        try:
            action(self.site)
        except HostError as error:
            self._warn(f"hook {name}: {error}")

    def _warn(self, text: str) -> None:
        self.sink(Note(text, "warning"))
