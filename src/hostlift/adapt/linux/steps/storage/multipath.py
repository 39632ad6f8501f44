# SPDX-License-Identifier: Apache-2.0
"""Multipath: what it knows of the old machine's disks is forgotten; on ECS a disk has one path."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_KNOWN = (
    "/etc/multipath/wwids",
    "/etc/multipath/bindings",
    "/var/lib/multipath/bindings",
    "/var/lib/multipath/wwids",
)


def apply(_bench: Bench, edit: Editor) -> None:
    """Take the lists away; they are made anew."""
    for path in _KNOWN:
        edit.remove(path, "it lists disks of the old machine")


STEP = Step("multipath", "Forget the paths to the old machine's disks.", apply)
