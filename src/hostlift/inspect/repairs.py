# SPDX-License-Identifier: Apache-2.0
"""What ``hostlift check --fix`` can put right on the source: small, safe, and said before it is done.

A repair never weakens anything, can be done twice, and tells how it is taken back. What the copy
alone needs is not here: that is the adaptation's, and the source stays as it is.
"""

from __future__ import annotations

import functools
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hostlift.inspect.guest import Guest
from hostlift.inspect.kernelmodules import image_of, modules_of
from hostlift.model.finding import Finding, Severity
from hostlift.model.machine import Machine
from hostlift.ports.commands import Commands

_CLOCK_PATIENCE = 60.0
_INITRAMFS_PATIENCE = 900.0
_PRIVATE = 0o600
_OPEN = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One thing that can be put right.

    Attributes:
        check: Id of the finding it mends.
        what: What will be done, as a sentence.
        undo: How it is taken back.
        do: Does it.

    Raises:
        HostError: Of ``do``: it did not work; nothing else was changed.
    """

    check: str
    what: str
    undo: str
    do: Callable[[], object]


def repairs(
    machine: Machine, findings: Iterable[Finding], *, config: Path, commands: Commands
) -> Iterator[Repair]:
    """What can be repaired of what was found; of a system that does not run, nothing.

    Args:
        config: user_config.json.
    """
    bad = {f.check for f in findings if f.severity in {Severity.WARNING, Severity.BLOCKER}}
    yield from _config(config)
    if not machine.live:
        return
    if "hostlift.Clock" in bad:
        yield from _clock(commands)
    if "GUESTOS.KernelVersion" in bad:
        yield from _initramfs(machine, commands)


def _config(config: Path) -> Iterator[Repair]:
    try:
        mode = stat.S_IMODE(config.stat().st_mode)
    except OSError:
        return
    if mode & _OPEN:
        yield Repair(
            check="hostlift.StateFolder",
            what=f"let only its owner read {config} (chmod 600): it may hold the AccessKey secret",
            undo=f"chmod {mode:03o} {config}",
            do=lambda: config.chmod(_PRIVATE),
        )


def _clock(commands: Commands) -> Iterator[Repair]:
    ways = (
        ("chronyc", ["chronyc", "-a", "makestep"]),
        ("timedatectl", ["timedatectl", "set-ntp", "true"]),
    )
    for program, argv in ways:
        if commands.which(program):
            yield Repair(
                check="hostlift.Clock",
                what=f"set the clock by {' '.join(argv)}",
                undo="none needed: the clock is right then",
                do=functools.partial(commands.run, argv, timeout=_CLOCK_PATIENCE),
            )
            return


def _initramfs(machine: Machine, commands: Commands) -> Iterator[Repair]:
    guest = Guest(Path(machine.root))
    for kernel in machine.kernels:
        if not kernel.initramfs:
            yield from _made(kernel.release, commands)
        else:
            image = image_of(guest, kernel, modules_of(guest, kernel.release))
            if image is not None and image.damage:
                yield from _made_anew(kernel.release, commands)


def _made(release: str, commands: Commands) -> Iterator[Repair]:
    ways = (
        (["update-initramfs", "-c", "-k", release], f"rm /boot/initrd.img-{release}*"),
        (["dracut", "--kver", release], f"rm /boot/initramfs-{release}*"),
    )
    yield from _first(ways, f"make the missing initramfs of {release}", commands)


def _made_anew(release: str, commands: Commands) -> Iterator[Repair]:
    undo = "none: what was there cannot be read"
    ways = (
        (["update-initramfs", "-u", "-k", release], undo),
        (["dracut", "--force", "--kver", release], undo),
    )
    yield from _first(ways, f"make the damaged initramfs of {release} anew", commands)


def _first(
    ways: Iterable[tuple[list[str], str]], what: str, commands: Commands
) -> Iterator[Repair]:
    """By the first tool that is there."""
    for argv, undo in ways:
        if commands.which(argv[0]):
            yield Repair(
                check="GUESTOS.KernelVersion",
                what=f"{what}: {' '.join(argv)}",
                undo=undo,
                do=functools.partial(commands.run, argv, timeout=_INITRAMFS_PATIENCE),
            )
            return
