# SPDX-License-Identifier: Apache-2.0
"""LVM: filters and device lists that name the disks of the old machine hide those of the new one."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import lvmconf
from hostlift.adapt.linux.bench import Bench, Step

_CONFIGS = ("/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf")
# Without the file LVM looks at every disk, as it did before there was one.
_LISTS = ("/etc/lvm/devices/system.devices",)
_CACHES = ("/etc/lvm/cache/.cache", "/etc/lvm/.cache", "/run/lvm/hints")


def apply(bench: Bench, edit: Editor) -> None:
    """Switch filters off that name old disks; take lists and caches away."""
    for path in _CONFIGS:
        text = bench.text(path)
        if text is not None:
            edit.write_text(
                path, lvmconf.without_filters(text), "it names disks of the old machine"
            )
    for path in (*_LISTS, *_CACHES):
        edit.remove(path, "it lists disks of the old machine")


STEP = Step("lvm", "Let LVM look at the new disks.", apply)
