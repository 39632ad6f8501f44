# SPDX-License-Identifier: Apache-2.0
"""Red Hat's ``ifcfg`` files, which the network service and NetworkManager read alike."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import shellvars
from hostlift.adapt.linux import ifcfg
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

_GENERAL = "/etc/sysconfig/network"
_DIALECT = ifcfg.Dialect(
    folder="/etc/sysconfig/network-scripts",
    dhcp=template("ifcfg-redhat").decode(),
    pins=("HWADDR", "MACADDR", "UUID", "SUBCHANNELS"),
    masters=("MASTER", "BRIDGE", "TEAM_MASTER", "MASTER_UUID"),
    parts=("PHYSDEV",),
    off=("ONBOOT", "no"),
    companions=("route-", "route6-", "rule-", "rule6-"),
)


def apply(bench: Bench, edit: Editor) -> None:
    """The cards' files, and the default route that is set for all of them."""
    ifcfg.adapt(bench, edit, _DIALECT)
    text = bench.text(_GENERAL)
    if text is None or bench.keeps_addresses:
        return
    for name in ("GATEWAY", "GATEWAYDEV"):
        text = shellvars.drop(text, name)
    edit.write_text(_GENERAL, text, "a default route of the old network")


STEP = Step("network-scripts", "eth0 with DHCP where ifcfg files describe the network.", apply)
