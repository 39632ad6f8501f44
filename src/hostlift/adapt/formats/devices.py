# SPDX-License-Identifier: Apache-2.0
"""Names of block devices that come from the hardware: none of them exists on ECS, or it is another."""

from __future__ import annotations

import re

OLD_DEVICE = re.compile(
    r"/dev/(?:(?:sd|hd|xvd|vd)[a-z]+\d*|nvme\d+n\d+(?:p\d+)?|cciss/\w+|ida/\w+|mmcblk\d+\w*"
    r"|md/?\w+|mapper/mpath\w+|disk/by-(?:id|path)/[^\s\"'|]+)"
)
"""sda1, sda, xvda, vda, nvme0n1p1, cciss/c0d0p1, md0, mpatha, by-id and by-path links."""
