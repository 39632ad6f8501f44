# SPDX-License-Identifier: Apache-2.0
"""Copies of a running machine's disk, made by QEMU itself: the disk as it was at one instant."""

from __future__ import annotations

import threading
from pathlib import Path

from hostlift.errors import HostError
from hostlift.localcloud.compute import qmp
from hostlift.localcloud.compute.qmp import Qmp

_TARGET = "snapshot-target"
_JOB = "snapshot"
_POLL = 0.1


def was_written(folder: Path, disk: str) -> bool:
    """True when the running guest wrote to the disk since it was powered on."""
    with qmp.connected(folder) as control:
        for device in _listed(control.execute("query-blockstats", **{"query-nodes": False})):
            stats = device.get("stats")
            if device.get("node-name") == disk[:31] and isinstance(stats, dict):
                return bool(stats.get("wr_operations", 0))
    return False


def copy(folder: Path, disk: str, target: Path, *, thin: bool) -> None:
    """Copy a disk of the running machine in ``folder`` into the empty qcow2 file ``target``.

    Args:
        folder: Of the machine.
        disk: Its id.
        target: Stands on the same base when ``thin``.
        thin: Copy the disk's own layer only.

    Raises:
        HostError: QEMU could not, for example because the host's disk is full.
    """
    with qmp.connected(folder) as control:
        file = {"driver": "file", "filename": str(target)}
        control.execute("blockdev-add", **{"driver": "qcow2", "node-name": _TARGET, "file": file})
        try:
            control.execute(
                "blockdev-backup",
                **{
                    "job-id": _JOB,
                    "device": disk[:31],
                    "target": _TARGET,
                    "sync": "top" if thin else "full",
                    "auto-dismiss": False,
                },
            )
            _await_end(control)
        finally:
            control.execute("blockdev-del", **{"node-name": _TARGET})


def _await_end(control: Qmp) -> None:
    pause = threading.Event()
    while True:
        jobs = [j for j in _listed(control.execute("query-jobs")) if j.get("id") == _JOB]
        if not jobs:
            raise HostError("the copy vanished", subject=_JOB)
        if jobs[0].get("status") == "concluded":
            control.execute("job-dismiss", id=_JOB)
            if error := jobs[0].get("error"):
                raise HostError(f"the copy failed: {error}", subject=_JOB)
            return
        pause.wait(_POLL)


def _listed(answer: object) -> list[dict[str, object]]:
    return [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []
