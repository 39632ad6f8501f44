# SPDX-License-Identifier: Apache-2.0
"""A login on the serial console, which is what the cloud's console shows, whatever starts services."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found.init_systems import unit_folder
from hostlift.adapt.linux.templates import template
from hostlift.adapt.reading import has_program

_WHY = "login on the serial console"
_UNIT = "serial-getty@.service"
_LINK = "/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service"
_INITTAB = "/etc/inittab"
_UPSTART = "/etc/init/ttyS0.conf"
# EL6 starts one by itself for the console that the kernel was told.
_UPSTART_OWN = "/etc/init/serial.conf"
_SECURE = "/etc/securetty"
_ON_SERIAL = re.compile(r"(?m)^[^#\n]*\bttyS0\b")
_SWITCHED_OFF = re.compile(r"(?m)^#[ \t]*(?=[^\n:]*:[^\n:]*:respawn:[^\n]*getty[^\n]*\bttyS0\b)")


def apply(bench: Bench, edit: Editor) -> None:
    """Start the getty; let root log in there where a list says who may."""
    inits = bench.tools.inits
    folder = unit_folder(bench.tree, _UNIT)
    if folder and not bench.tree.exists(_LINK):
        edit.link(_LINK, f"{folder}/{_UNIT}", _WHY)
    if inits.upstart and not bench.tree.exists(_UPSTART_OWN):
        edit.write(_UPSTART, template("ttyS0.conf"), _WHY)
    if inits.inittab and not inits.upstart and not folder:
        _inittab(bench, edit)
    text = bench.text(_SECURE)
    if text is not None and "ttyS0" not in text.split():
        end = "" if not text or text.endswith("\n") else "\n"
        edit.write_text(_SECURE, f"{text}{end}ttyS0\n", "root may log in on the serial console")
        bench.note(f"{_SECURE} lists ttyS0 now: root may log in on the cloud's console")


def _inittab(bench: Bench, edit: Editor) -> None:
    text = bench.text(_INITTAB) or ""
    if _ON_SERIAL.search(text):
        return
    new = _SWITCHED_OFF.sub("", text, count=1)
    if new == text:
        new += "" if not text or text.endswith("\n") else "\n"
        new += f"{_line(bench)}\n"
    edit.write_text(_INITTAB, new, _WHY)


def _line(bench: Bench) -> str:
    """Busybox (Alpine) knows no ids and run levels; getty and agetty take their words in turn."""
    if bench.tools.inits.openrc and not bench.tree.exists("/etc/rc2.d"):
        return "ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100"
    if has_program(bench.tree, "agetty"):
        return "S0:2345:respawn:/sbin/agetty -L 115200 ttyS0 vt100"
    return "S0:2345:respawn:/sbin/getty -L 115200 ttyS0 vt100"


STEP = Step("serial-getty", "A login on the serial console.", apply)
