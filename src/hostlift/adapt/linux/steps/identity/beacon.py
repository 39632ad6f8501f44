# SPDX-License-Identifier: Apache-2.0
"""The boot beacon: once, after the first boot, the copy says on its console how it came up.

Whatever starts services starts it after all else: a unit, a job of upstart, a script of OpenRC, or a
line of inittab. It removes itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

_UNITS = "/etc/systemd/system"
_INITTAB = "/etc/inittab"
_MARK = "hostlift-beacon"
_PLAIN_SCRIPT = f"/etc/{_MARK}.sh"
_LINE = f"hl:2345:once:/bin/sh {_PLAIN_SCRIPT}\n"
_WHY = "proof of the first boot; it removes itself"
_UNWANTED = "no beacon was ordered"
_PROGRAM = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How an init is told: the script, files beside it by their templates, links."""

    script: str = _PLAIN_SCRIPT
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    mode: int | None = None
    inittab: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """All that is put there, what starts it first."""
        return (*self.links, *self.files, self.script)


_SYSTEMD = _Way(
    script=f"{_UNITS}/{_MARK}.sh",
    files={f"{_UNITS}/{_MARK}.service": "beacon.service"},
    links={f"{_UNITS}/multi-user.target.wants/{_MARK}.service": f"{_UNITS}/{_MARK}.service"},
)
_UPSTART = _Way(files={f"/etc/init/{_MARK}.conf": "beacon.conf"})
_OPENRC = _Way(
    files={f"/etc/init.d/{_MARK}": "beacon.openrc"},
    links={f"/etc/runlevels/default/{_MARK}": f"/etc/init.d/{_MARK}"},
    mode=_PROGRAM,
)
_SYSV = _Way(inittab=True)
_WAYS = (_SYSTEMD, _UPSTART, _OPENRC, _SYSV)


def apply(bench: Bench, edit: Editor) -> None:
    """Install it when a beacon is ordered; take it away when none is."""
    way = _way(bench) if bench.order.beacon else None
    if way is None:
        _remove(bench, edit)
        return
    words = {"TOKEN": bench.order.beacon, "FILES": " ".join(way.paths)}
    script = template("beacon.sh")
    for name, value in words.items():
        script = script.replace(f"@{name}@".encode(), value.encode())
    edit.write(way.script, script, _WHY)
    for path, name in way.files.items():
        edit.write(path, template(name), _WHY, mode=way.mode)
    for path, target in way.links.items():
        edit.link(path, target, _WHY)
    if way.inittab:
        edit.write_text(_INITTAB, f"{_inittab(bench)}{_LINE}", _WHY)


def _way(bench: Bench) -> _Way | None:
    inits = bench.tools.inits
    if bench.tree.exists(_UNITS) and not inits.before_systemd:
        return _SYSTEMD
    known = ((inits.upstart, _UPSTART), (inits.openrc, _OPENRC), (inits.inittab, _SYSV))
    way = next((way for there, way in known if there), None)
    if way is None:
        bench.note("nothing known starts services: there is no boot beacon; look at the console")
    return way


def _remove(bench: Bench, edit: Editor) -> None:
    for path in dict.fromkeys(path for way in _WAYS for path in way.paths):
        edit.remove(path, _UNWANTED)
    text = bench.text(_INITTAB)
    if text is not None and _LINE in text:
        edit.write_text(_INITTAB, text.replace(_LINE, ""), _UNWANTED)


def _inittab(bench: Bench) -> str:
    """The file without our line, whole to its last line."""
    text = (bench.text(_INITTAB) or "").replace(_LINE, "")
    return text if not text or text.endswith("\n") else f"{text}\n"


STEP = Step("beacon", "Say on the console how the first boot went.", apply)
