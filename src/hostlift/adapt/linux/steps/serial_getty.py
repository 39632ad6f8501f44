# SPDX-License-Identifier: Apache-2.0
"""A login on the serial console, which is what the cloud's console shows."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system")
_UNIT = "serial-getty@.service"
_LINK = "/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service"
_SECURE = "/etc/securetty"


def apply(bench: Bench, edit: Editor) -> None:
    """Enable the getty; let root log in there where a list says who may."""
    folder = next((f for f in _UNITS if bench.tree.exists(f"{f}/{_UNIT}")), None)
    if folder is not None and not bench.tree.exists(_LINK):
        edit.link(_LINK, f"{folder}/{_UNIT}", "login on the serial console")
    text = bench.text(_SECURE)
    if text is not None and "ttyS0" not in text.split():
        end = "" if not text or text.endswith("\n") else "\n"
        new = f"{text}{end}ttyS0\n".encode("utf-8", "surrogateescape")
        edit.write(_SECURE, new, "root may log in on the serial console")


STEP = Step("serial-getty", "A login on the serial console.", apply)
