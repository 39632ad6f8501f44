# SPDX-License-Identifier: Apache-2.0
"""What a target's file system said it cannot hold, and whether that is all that differs.

A pass reports such an object with its path; the re-read then finds it different, or missing. Sent
again it would differ again, so it is no damage; that its *content* differs is never explained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hostlift.model.receipt import Difference, Divergence
from hostlift.verify.compare import MOST_DIFFERENCES, show_path

_OF_THE_TARGET = frozenset({Divergence.METADATA, Divergence.MISSING})


@dataclass(slots=True)
class Losses:
    """Of all passes of one copy.

    Attributes:
        accepted: The differences that were explained last.
    """

    accepted: tuple[Difference, ...] = ()
    _said: set[tuple[str, str]] = field(default_factory=set)

    def add(self, found: Iterable[tuple[str, bytes]]) -> None:
        """A pass found that these paths of these volumes could not be kept whole."""
        self._said.update((volume, show_path(path)) for volume, path in found)

    def explain(self, differences: Sequence[Difference]) -> bool:
        """Whether each of the differences, and no other that was not listed, is such a loss."""
        known = all(
            d.kind in _OF_THE_TARGET and (d.volume, d.path) in self._said for d in differences
        )
        listed = Counter(d.volume for d in differences)
        if not known or any(count >= MOST_DIFFERENCES for count in listed.values()):
            return False
        self.accepted = tuple(differences)
        return True
