# SPDX-License-Identifier: Apache-2.0
"""modprobe: old systems load the driver of ``eth0`` and of the disks by an alias."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_FILES = ("/etc/modprobe.conf", "/etc/modules.conf", "/etc/modprobe.d/*.conf", "/etc/mactab")
_CARD = re.compile(r"(?m)^(?P<head>[ \t]*alias[ \t]+eth0[ \t]+)(?!virtio_net)\S+")
# nameif of busybox and old net-tools: "eth0 00:50:56:..".
_BY_ADDRESS = re.compile(r"(?m)^(?=\w+[ \t]+(?:mac=)?(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})")


def apply(bench: Bench, edit: Editor) -> None:
    """The card of ECS is virtio; names given by hardware address go."""
    for pattern in _FILES:
        for path in bench.glob(pattern):
            text = bench.text(path) or ""
            new = _CARD.sub(lambda m: f"{m['head']}virtio_net", text)
            new = _BY_ADDRESS.sub("# hostlift, of the old machine: ", new)
            if new != text:
                edit.write_text(path, new, "the network card of ECS is virtio")


STEP = Step("modprobe-aliases", "Load virtio for the first card where an alias names it.", apply)
