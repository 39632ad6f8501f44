# SPDX-License-Identifier: Apache-2.0
"""Time: a server that asked machines of its old network alone gets those of Alibaba Cloud as well."""

from __future__ import annotations

import ipaddress
import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_SERVERS = ("ntp.cloud.aliyuncs.com", "ntp7.cloud.aliyuncs.com", "ntp8.cloud.aliyuncs.com")
_WHY = "the time servers of the old network cannot be reached"
_ASKED = re.compile(r"(?m)^[ \t]*(?:server|pool|peer)[ \t]+(\S+)")
_TIMESYNCD_ASKED = re.compile(r"(?m)^[ \t]*NTP[ \t]*=[ \t]*(.*)$")
_CLOCK = re.compile(r"(?m)^(?=[ \t]*refclock[ \t]+PHC[ \t]+/dev/ptp)")
_LOCAL_NAMES = (".local", ".lan", ".internal", ".corp", ".intra", ".home", ".localdomain")
_DAEMONS = (
    ("/etc/chrony.conf", "/etc/chrony.d/*.conf"),
    ("/etc/chrony/chrony.conf", "/etc/chrony/sources.d/*.sources"),
    ("/etc/ntp.conf", ""),
    ("/etc/ntpsec/ntp.conf", ""),
)
_TIMESYNCD = "/etc/systemd/timesyncd.conf"
_DROP_IN = "/etc/systemd/timesyncd.conf.d/hostlift.conf"


def apply(bench: Bench, edit: Editor) -> None:
    """Add servers where all known ones are local; a clock of the old hypervisor is switched off."""
    for main, more in _DAEMONS:
        text = bench.text(main)
        if text is None:
            continue
        new = _CLOCK.sub("# hostlift, of the old hypervisor: ", text)
        asked = _ASKED.findall(text)
        for path in bench.glob(more) if more else []:
            asked += _ASKED.findall(bench.text(path) or "")
        lost = new != text and not asked
        if lost or _all_local(asked):
            new += "" if new.endswith("\n") else "\n"
            new += "".join(f"server {name} iburst\n" for name in _SERVERS)
            bench.note(
                f"{main} asked {', '.join(asked) or 'the hypervisor'}; {_SERVERS[0]} was added"
            )
        edit.write_text(main, new, _WHY)
    _timesyncd(bench, edit)


def _timesyncd(bench: Bench, edit: Editor) -> None:
    found = _TIMESYNCD_ASKED.findall(bench.text(_TIMESYNCD) or "")
    if _all_local(" ".join(found).split()):
        line = f"[Time]\nNTP={' '.join(_SERVERS)}\n"
        edit.write_text(_DROP_IN, f"# Written by hostlift.\n{line}", _WHY)


def _all_local(servers: list[str]) -> bool:
    return bool(servers) and all(map(_is_local, servers)) and not set(servers) & set(_SERVERS)


def _is_local(server: str) -> bool:
    try:
        return ipaddress.ip_address(server).is_private
    except ValueError:
        return "." not in server or server.lower().endswith(_LOCAL_NAMES)


STEP = Step("time-source", "Time servers that can be reached from ECS.", apply)
