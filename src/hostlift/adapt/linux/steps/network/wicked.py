# SPDX-License-Identifier: Apache-2.0
"""SUSE's ``ifcfg`` files, read by wicked and by the older network scripts."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux import ifcfg
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

_ROUTES = "/etc/sysconfig/network/routes"
_DEFAULT = re.compile(r"(?m)^(?=(?:default|0\.0\.0\.0/0)[ \t])")
_DIALECT = ifcfg.Dialect(
    folder="/etc/sysconfig/network",
    dhcp=template("ifcfg-suse").decode(),
    pins=("LLADDR", "UNIQUE", "_nm_name"),
    masters=("MASTER_DEVICE",),
    parts=("BONDING_SLAVE", "BRIDGE_PORTS", "ETHERDEVICE", "TEAM_PORT_DEVICE"),
    off=("STARTMODE", "off"),
    companions=("ifroute-",),
)


def apply(bench: Bench, edit: Editor) -> None:
    """The cards' files, and the default route that is set for all of them."""
    ifcfg.adapt(bench, edit, _DIALECT)
    text = bench.text(_ROUTES)
    if text is not None and not bench.keeps_addresses:
        edit.write_text(
            _ROUTES, _DEFAULT.sub("# hostlift, of the old network: ", text), "DHCP sets the route"
        )


STEP = Step("wicked", "eth0 with DHCP where SUSE's files describe the network.", apply)
