# SPDX-License-Identifier: Apache-2.0
"""Making the target a plain copy again, after a rehearsal or a cutover that did not end.

Adaptation has edited the copy. Its edits are played backwards on the instance, and because a file
put back is not yet the source's to the last attribute, every path that was edited is put in doubt:
the next pass sends it again, or removes it when the source has no such path. Snapshots and images
of a cutover that did not end show a copy that passes will overtake: they are deleted. All of it may
be interrupted and repeated; the journal is told when it is done.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from hostlift.flow.context import Context
from hostlift.flow.journal import Record, State
from hostlift.flow.rehearsal import role
from hostlift.flow.results import Results, Site, need, part
from hostlift.model.plan import Volume
from hostlift.ports.cloud import Phase, Resource, ResourceKind
from hostlift.remote.messages import JobKind, JobOrder, RestoreOrder
from hostlift.replicate.manifest import Manifest

_AFTER_COPY = frozenset({"adapt", "capture", "verify", "deliver", "clean_up"})
_MADE_OF_COPY = ("image", "snapshot-", "trial")


def _is_closed(state: State) -> bool:
    """Whether the target is, or may be, more than a plain copy."""
    return bool(state.rehearsal or "replicate" in state.done or state.begun & _AFTER_COPY)


def reopen(ctx: Context, so_far: Results, *, proved: bool = False) -> None:
    """See the module; nothing happens when the target is a plain copy.

    Args:
        so_far: What the steps left.
        proved: The rehearsal came to its end: what it made is kept.
    """
    state, site = ctx.journal.state, so_far.provision
    if not _is_closed(state):
        return
    if not proved:
        mine = tuple(role(state, name) for name in _MADE_OF_COPY)
        ctx.ledger.discard(lambda name: name.startswith(mine))
    if site is not None and state.begun & _AFTER_COPY and _exists(ctx, site):
        with ctx.agents(ctx, site) as agent:
            order = RestoreOrder(nonce=f"{ctx.migration}/{len(ctx.journal.history())}")
            done = agent.run(
                JobOrder(kind=JobKind.RESTORE, restore=order), label="undoing the adaptation"
            )
        _doubt(ctx, need(so_far.plan).plan.volumes, part(done.restored).paths)
    ctx.journal.append(Record.REOPENED)


def _exists(ctx: Context, site: Site) -> bool:
    state = ctx.cloud.state(Resource(ResourceKind.INSTANCE, site.instance))
    return state is not None and state.phase is not Phase.FAILED


def _doubt(ctx: Context, volumes: Sequence[Volume], paths: Sequence[str]) -> None:
    found: dict[str, set[bytes]] = {}
    for path in paths:
        volume = max(
            (v for v in volumes if _is_below(path, v.mount_point)),
            key=lambda v: len(v.mount_point),
        )
        found.setdefault(volume.id, set()).update(_inside(path, volume.mount_point))
    with Manifest.open(ctx.workspace.database) as manifest:
        for volume_id, suspects in found.items():
            manifest.suspect(volume_id, sorted(suspects))


def _is_below(path: str, mount_point: str) -> bool:
    return mount_point in {"/", path} or path.startswith(f"{mount_point}/")


def _inside(path: str, mount_point: str) -> set[bytes]:
    """A path and its directory, whose times the edit may have moved, as the volume has them."""
    both = {posixpath.relpath(p, mount_point) for p in (path, posixpath.dirname(path))}
    return {p.encode("utf-8", "surrogateescape") for p in both if not p.startswith("..")}
