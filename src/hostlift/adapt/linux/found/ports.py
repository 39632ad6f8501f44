# SPDX-License-Identifier: Apache-2.0
"""Names of network interfaces, as far as adaptations must tell them apart."""

from __future__ import annotations

import re

FIRST = "eth0"
"""What the first interface is called on ECS, once predictable names are off."""

_PHYSICAL = re.compile(r"(?:eth|en[opsxd]|em|venet|ens|eno|enp|enx)\w*(?:\*)?|p\d+p\d+")


def is_physical(name: str) -> bool:
    """True for names of network cards; false for lo, bridges, bonds, VLANs and tunnels."""
    return _PHYSICAL.fullmatch(name) is not None
