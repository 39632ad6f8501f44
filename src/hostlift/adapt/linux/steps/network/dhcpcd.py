# SPDX-License-Identifier: Apache-2.0
"""dhcpcd: it asks on every card by itself, unless its configuration says what the answer is."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_PATH = "/etc/dhcpcd.conf"
_STATIC = re.compile(
    r"(?m)^(?=[ \t]*(?:static[ \t]+(?:ip6?_address|routers|domain_name_servers)=|denyinterfaces\b.*\beth))"
)


def apply(bench: Bench, edit: Editor) -> None:
    """Switch static answers off."""
    text = bench.text(_PATH)
    if text is None or bench.keeps_addresses:
        return
    new = _STATIC.sub("# hostlift, of the old network: ", text)
    if new != text:
        bench.note(f"{_PATH} set static addresses; eth0 gets one by DHCP now")
    edit.write_text(_PATH, new, "ECS gives addresses by DHCP")


STEP = Step("dhcpcd", "DHCP without fixed answers where dhcpcd runs the network.", apply)
