# SPDX-License-Identifier: Apache-2.0
"""Step 9: release everything but the image and its snapshots. Giving up is the same path."""

from __future__ import annotations

from hostlift.flow import keys
from hostlift.flow.context import Context
from hostlift.flow.journal import Record
from hostlift.flow.rehearsal import is_rehearsals
from hostlift.flow.results import Cleaned, Results
from hostlift.ports.cloud import ResourceKind

_RESULT = frozenset({ResourceKind.IMAGE, ResourceKind.SNAPSHOT})


class CleanUp:
    """See the module."""

    name = "clean_up"
    title = "Release everything but the image"
    result = Cleaned
    stands_alone = False

    def inputs(self, ctx: Context, _so_far: Results) -> object:
        """The migration."""
        return {"migration": ctx.migration, "rehearsals": ctx.settings.keep_rehearsals}

    def holds(self, ctx: Context, _so_far: Results, _result: Cleaned) -> bool:
        """Nothing but the result is left in the ledger."""
        return all(held.kind in _RESULT for held in ctx.journal.state.live())

    def run(self, ctx: Context, _so_far: Results) -> Cleaned:
        """Release, newest first, until gone; images of rehearsals too, unless they are wanted."""
        released = [] if ctx.settings.keep_rehearsals else ctx.ledger.discard(is_rehearsals)
        released += ctx.ledger.release(keep=_RESULT)
        keys.forget(ctx)
        return Cleaned(released=tuple(f"{r.kind.value} {r.id}" for r in released))

    def abandon(self, ctx: Context, *, delete_image: bool = False) -> list[str]:
        """Release everything of an unfinished migration; a finished one keeps its image.

        Args:
            delete_image: It does not.

        Returns:
            What was released, as ``kind id``.
        """
        keep = _RESULT if ctx.journal.state.finished and not delete_image else frozenset()
        released = ctx.ledger.release(keep=keep)
        keys.forget(ctx)
        ctx.journal.append(Record.MIGRATION, id="")
        return [f"{r.kind.value} {r.id}" for r in released]
