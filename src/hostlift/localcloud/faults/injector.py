# SPDX-License-Identifier: Apache-2.0
"""Counts calls and says which faults strike the one at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from threading import Lock

from hostlift.localcloud.faults.kinds import Fault, FaultKind, Moment


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made: the how manieth of the run, and what struck it."""

    number: int
    product: str
    action: str
    struck: tuple[FaultKind, ...] = ()


@dataclass(slots=True)
class _Armed:
    fault: Fault
    luck: Random
    matched: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        return 0 < self.fault.times <= self.struck

    def is_hit(self, number: int, product: str, action: str) -> bool:
        fault = self.fault
        if self.spent or not fault.strikes(product, action):
            return False
        if fault.call:
            return fault.call == number
        self.matched += 1
        return self.matched >= fault.nth and self.luck.random() < fault.chance


@dataclass(slots=True)
class Armed:
    """A fault with how often it struck."""

    fault: Fault
    struck: int


@dataclass(slots=True)
class Faults:
    """The faults of one cloud. Safe to call from many threads.

    Attributes:
        seed: The same calls in the same order meet the same luck.
        made: Every call so far; for a test that strikes each call of a run in turn.
    """

    seed: int = 0
    made: list[Made] = field(default_factory=list)
    _armed: list[_Armed] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _ever: int = 0

    def add(self, faults: Iterable[Fault]) -> None:
        """Arm more faults."""
        with self._lock:
            for fault in faults:
                self._ever += 1
                luck = Random(f"{self.seed}-{self._ever}")  # noqa: S311 - a rehearsal's luck
                self._armed.append(_Armed(fault, luck))

    def clear(self) -> None:
        """Disarm all, and begin to count calls anew."""
        with self._lock:
            self._armed.clear()
            self.made.clear()
            self._ever = 0

    def armed(self) -> list[Armed]:
        """What is armed, the spent ones too."""
        with self._lock:
            return [Armed(a.fault, a.struck) for a in self._armed]

    def strike(self, product: str, action: str, account: str) -> tuple[Fault, ...]:
        """Count a call; the faults that strike it.

        A call is refused once: further faults that would refuse it wait for the next.
        """
        with self._lock:
            number = len(self.made) + 1
            found: tuple[Fault, ...] = ()
            for armed in self._armed:
                if armed.fault.account not in {"", account} or _is_refused(found, armed.fault):
                    continue
                if armed.is_hit(number, product, action):
                    armed.struck += 1
                    found += (armed.fault,)
            self.made.append(Made(number, product, action, tuple(f.kind for f in found)))
            return found


def _is_refused(found: tuple[Fault, ...], fault: Fault) -> bool:
    before = Moment.BEFORE
    return fault.nature.moment is before and any(f.nature.moment is before for f in found)
