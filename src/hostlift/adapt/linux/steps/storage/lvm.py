# SPDX-License-Identifier: Apache-2.0
"""LVM: filters and device lists that name the disks of the old machine hide those of the new one."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.devices import OLD_DEVICE

_CONFIGS = ("/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf")
# Without the file LVM looks at every disk, as it did before there was one.
_LISTS = ("/etc/lvm/devices/system.devices",)
_CACHES = ("/etc/lvm/cache/.cache", "/etc/lvm/.cache", "/run/lvm/hints")
_FILTER = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?P<name>filter|global_filter|preferred_names)(?P<rest>[ \t]*=[ \t]*\[(?:[^\]\"]|\"[^\"]*\")*\])"
)
_RULE = re.compile(r'"([ar])(.)(.*?)\2"')
_NEW = ("/dev/vda", "/dev/vda2", "/dev/nvme0n1p2")
"""How disks are called on ECS, by the kind of instance."""


def apply(bench: Bench, edit: Editor) -> None:
    """Switch filters off that name old disks; take lists and caches away."""
    for path in _CONFIGS:
        text = bench.text(path)
        if text is not None:
            edit.write_text(path, _FILTER.sub(_adapted, text), "it names disks of the old machine")
    for path in (*_LISTS, *_CACHES):
        edit.remove(path, "it lists disks of the old machine")


def _adapted(match: re.Match[str]) -> str:
    if not (OLD_DEVICE.search(match["rest"]) or _hides(match["rest"])):
        return match[0]
    lines = match[0].splitlines(keepends=True)
    return "".join(f"# hostlift, of the old machine: {line.lstrip()}" for line in lines)


def _hides(rules: str) -> bool:
    """True when a disk of ECS is refused: the first rule that fits decides, without one it is taken."""
    found = _RULE.findall(rules)
    verdicts = (next((v for v, _, rule in found if _fits(rule, name)), "a") for name in _NEW)
    return "r" in verdicts


def _fits(rule: str, name: str) -> bool:
    try:
        return re.search(rule, name) is not None
    except re.error:
        return False


STEP = Step("lvm", "Let LVM look at the new disks.", apply)
