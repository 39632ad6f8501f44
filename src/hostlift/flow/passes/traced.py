# SPDX-License-Identifier: Apache-2.0
"""Follows what is written to the source's disks while passes run, when the user wishes so."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hostlift.flow.context import Context
from hostlift.replicate.changes.written import Written, written_blocks
from hostlift.replicate.source import SourceVolume


@contextmanager
def traced(ctx: Context, sources: Sequence[SourceVolume]) -> Iterator[Written | None]:
    """For all passes in the block; None when there is no live source, or no such wish.

    Why a file system cannot be followed is a note; its large files are read whole then.
    """
    if not (ctx.live and ctx.settings.block_trace):
        yield None
        return
    devices = {os.stat(tree.path).st_dev for source in sources for tree in source.trees}
    with written_blocks(devices, ctx.clock) as written:
        for why in sorted(set(written.refused.values())):
            ctx.note(f"Large files are read whole: {why}", "warning")
        yield written
