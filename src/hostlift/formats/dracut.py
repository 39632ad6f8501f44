# SPDX-License-Identifier: Apache-2.0
"""What a host-only image of dracut knows of the machine it was made on: arguments, and devices to wait for.

Arguments are in ``etc/cmdline.d``. Waiting is a hook that tests for the device's node and, under
systemd, a link in ``initrd.target.wants``; both wait for ever. Hooks are below ``lib`` or, since
dracut 107, ``var/lib``.
"""

from __future__ import annotations

import re
import stat

from hostlift.formats.cpio import Member
from hostlift.formats.units import unit_of

_LINES = re.compile(r"(?:usr/)?etc/cmdline\.d/[^/]+\.conf")
_HOOK = re.compile(r"(?:usr/|var/)?lib/dracut/hooks/initqueue/finished/devexists-[^/]*\.sh")
_TEST = re.compile(r'\[ -e "?(/dev/[^"\s\]]+)"? \]')
_UNITS = "etc/systemd/system"


def is_told(name: str) -> bool:
    """True for files whose content decides."""
    return has_lines(name) or _HOOK.fullmatch(name) is not None


def has_lines(name: str) -> bool:
    """True for a file of kernel arguments."""
    return _LINES.fullmatch(name) is not None


def awaited(member: Member) -> str:
    """The device that a hook waits for; empty for other files, and for hooks that wait no more."""
    if _HOOK.fullmatch(member.name) is None:
        return ""
    found = _TEST.search(member.data.decode("utf-8", "surrogateescape"))
    return found[1] if found else ""


def at_once(member: Member) -> Member:
    """The hook in place of one that waits: it is content."""
    data = b":\n"
    return Member(member.name, stat.S_IFREG | 0o755, len(data), data)


def wanted_unit(device: str) -> str:
    """The link by which systemd is told to wait for a device."""
    return f"{_UNITS}/initrd.target.wants/{unit_of(device, 'device')}"


def masked_unit(device: str) -> Member:
    """The link that lets systemd wait no more: nothing in an archive can take the other away."""
    return Member(f"{_UNITS}/{unit_of(device, 'device')}", stat.S_IFLNK | 0o777, data=b"/dev/null")
