# SPDX-License-Identifier: Apache-2.0
"""What starts services: systemd, upstart, System V init or OpenRC, and how a service is kept off.

Everything here is files and links, so nothing of the guest runs. One system may have several (upstart
runs System V's links, too): each is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hostlift.adapt.editor import Editor
from hostlift.adapt.reading import names
from hostlift.model.agents import service_of
from hostlift.ports.tree import Tree

UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
_MASKS = "/etc/systemd/system"
_MASK = "/dev/null"
_WANTS = (".wants", ".requires")
_UPSTART = "/etc/init"
_RC_FOLDERS = tuple(
    f"{top}/rc{level}.d" for top in ("/etc", "/etc/rc.d", "/etc/init.d") for level in "2345"
)
_RUNLEVELS = "/etc/runlevels"
_START = re.compile(r"S\d\d(?P<name>.+)")


@dataclass(frozen=True, slots=True)
class Inits:
    """Which of them are there."""

    systemd: bool
    upstart: bool
    openrc: bool
    inittab: bool

    @property
    def before_systemd(self) -> bool:
        """True when something else than systemd is known to start the system."""
        return not self.systemd and (self.upstart or self.openrc or self.inittab)


def found(tree: Tree) -> Inits:
    """By their programs and folders."""
    return Inits(
        systemd=any(tree.exists(f"{f}/basic.target") for f in UNITS[:2])
        or any(tree.exists(f"{top}/lib/systemd/systemd") for top in ("/usr", "")),
        upstart=any(tree.exists(f"{f}/initctl") for f in ("/sbin", "/usr/sbin"))
        and any(n.endswith(".conf") for n in names(tree, _UPSTART)),
        openrc=any(tree.exists(f"{f}/openrc") for f in ("/sbin", "/usr/sbin")),
        inittab=tree.exists("/etc/inittab"),
    )


def unit_folder(tree: Tree, unit: str) -> str:
    """Where a unit of systemd is; empty when it is not installed."""
    return next((f for f in UNITS if tree.exists(f"{f}/{unit}")), "")


def is_enabled(tree: Tree, service: str) -> bool:
    """True when some init starts a service (named without ``.service``) at boot."""
    return bool(
        list(_wants(tree, f"{service}.service"))
        or any(name == service for _, name in (*_links(tree), *_levels(tree)))
    )


def keep_off(tree: Tree, edit: Editor, unwanted: Callable[[str], bool], why: str) -> None:
    """Keep every installed service from starting whose name is ``unwanted``.

    Timers, sockets and paths of the same name are kept off, too: they would fail without it.
    """
    for unit in sorted({u for folder in UNITS for u in names(tree, folder)}):
        if unwanted(service_of(unit)):
            edit.link(f"{_MASKS}/{unit}", _MASK, why)
    for job in names(tree, _UPSTART):
        if job.endswith(".conf") and unwanted(job.removesuffix(".conf")):
            edit.write(f"{_UPSTART}/{job.removesuffix('.conf')}.override", b"manual\n", why)
    for path, name in (*_links(tree), *_levels(tree)):
        if unwanted(name):
            edit.remove(path, why)


def started(tree: Tree) -> Iterator[str]:
    """Services that something starts at boot and that nothing keeps off."""
    for folder in UNITS:
        for wants in names(tree, folder):
            for unit in names(tree, f"{folder}/{wants}") if wants.endswith(_WANTS) else ():
                if not _is_masked(tree, unit) and service_of(unit):
                    yield service_of(unit)
    yield from (name for _, name in (*_links(tree), *_levels(tree)))


def _is_masked(tree: Tree, unit: str) -> bool:
    path = f"{_MASKS}/{unit}"
    return tree.exists(path) and (
        tree.stat(path, follow=False).kind == "link" and tree.readlink(path) == _MASK
    )


def _wants(tree: Tree, unit: str) -> Iterator[str]:
    for folder in UNITS:
        for name in names(tree, folder):
            if name.endswith(_WANTS) and unit in names(tree, f"{folder}/{name}"):
                yield f"{folder}/{name}/{unit}"


def _links(tree: Tree) -> Iterator[tuple[str, str]]:
    """Start links of System V init: path and name of the service."""
    for folder in _RC_FOLDERS:
        for link in names(tree, folder):
            match = _START.fullmatch(link)
            if match is not None:
                yield f"{folder}/{link}", match["name"]


def _levels(tree: Tree) -> Iterator[tuple[str, str]]:
    """Services in the run levels of OpenRC: path and name."""
    for level in names(tree, _RUNLEVELS):
        for name in names(tree, f"{_RUNLEVELS}/{level}"):
            yield f"{_RUNLEVELS}/{level}/{name}", name
