# SPDX-License-Identifier: Apache-2.0
"""lvm.conf(5): filters that hide the disks of ECS are switched off where they stand."""

from __future__ import annotations

import re

from hostlift.adapt.formats.devices import OLD_DEVICE

_FILTER = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?P<name>filter|global_filter|preferred_names)"
    r"(?P<rest>[ \t]*=[ \t]*\[(?:[^\]\"]|\"[^\"]*\")*\])"
)
_RULE = re.compile(r'"([ar])(.)(.*?)\2"')
_NEW = ("/dev/vda", "/dev/vda2", "/dev/nvme0n1p2")
"""How disks are called on ECS, by the kind of instance."""
_ALL_DEVICES = "devices/use_devicesfile=0\n"


def without_filters(text: str) -> str:
    """The text without filters that name old disks or refuse new ones."""
    return _FILTER.sub(_adapted, text)


def with_all_devices(text: str) -> str:
    """The text with the list of known devices (``system.devices``) switched off."""
    if _ALL_DEVICES in text:
        return text
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}# Written by hostlift: the list names disks of the old machine.\n{_ALL_DEVICES}"


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
