# SPDX-License-Identifier: Apache-2.0
"""The image a rehearsal ended with, compared with its source by a tool that is not ours."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from fakes.rehearsal import Rehearsal
from fakes.source_disks import attached

from hostlift.adapt.ledger import Ledger
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mounted
from hostlift.localcloud.kinds import open_kind
from hostlift.settings import excludes

# Directories that hold an edited or a created file get another time; that is the edit's doing.
_PARENTS = (".d..t......",)


def finished(world: Rehearsal) -> dict[str, object]:
    """client_data of a finished migration."""
    found = json.loads((world.workspace / "client_data").read_text())
    assert found["status"] == "Finished"
    return dict(found)


def differences(world: Rehearsal, scratch: Path) -> list[str]:
    """What rsync finds different between source and image, but recorded edits and excludes."""
    snapshots = [str(s) for s in finished(world)["snapshot_ids"]]  # type: ignore[union-attr]
    compute, _ = open_kind("process", world.cloud)
    found: list[str] = []
    # Of this image only: what a rehearsal before it edited must have left no trace.
    ledger = world.workspace / "receipts" / f"{finished(world)['migration']}.ledger"
    edited = [e.path for e in Ledger(ledger).edits]
    with ExitStack() as stack:
        for disk, (snapshot, point) in enumerate(zip(snapshots, ("/", "/data"), strict=True)):
            file = scratch / f"{snapshot}.qcow2"
            compute.export(snapshot, str(file))
            loop = stack.enter_context(attached(file, scratch))
            target = scratch / f"image{disk}"
            target.mkdir()
            stack.enter_context(mounted(f"{loop}p1", target, kind="ext4", options=("ro",)))
            filters = [
                *(f"--exclude={p}" for p in edited),
                *(
                    f"--exclude={p}"
                    for p in excludes.read(world.workspace / "Excludes", (1,))[disk]
                ),
            ]
            line = [
                "rsync",
                "-aHAXn",
                "--one-file-system",
                "--numeric-ids",
                "--checksum",
                "--delete",
                "--itemize-changes",
            ]
            source = f"{world.source / point.lstrip('/')}/"
            done = SystemCommands().run([*line, *filters, source, f"{target}/"], timeout=300)
            found += done.text.splitlines()
    return [line for line in found if not line.startswith(_PARENTS)]
