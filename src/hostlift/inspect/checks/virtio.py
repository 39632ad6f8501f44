# SPDX-License-Identifier: Apache-2.0
"""The kernel must drive virtio disks and networks; what its initramfs lacks is added to the copy."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, blocker, ok, warning
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding
from hostlift.model.machine import Kernel, Machine

ID = "GUESTOS.Virtio"
TITLE = "Kernel with virtio drivers"
DRIVERS = {"virtio_blk": "CONFIG_VIRTIO_BLK", "virtio_net": "CONFIG_VIRTIO_NET"}
_INSTALL = "Install the distribution's standard kernel, then run the check again."


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """One kernel that has the drivers is enough; others are named."""
    guest = context.guest(machine)
    if not machine.kernels:
        return [blocker(ID, TITLE, "no kernel in /boot: a container?", _INSTALL)]
    verdicts = [(k, *_verdict(guest, k)) for k in machine.kernels]
    good = [f"{k.release} ({how})" for k, lacking, how in verdicts if not lacking]
    bad = [f"{k.release} lacks {', '.join(lacking)}" for k, lacking, _ in verdicts if lacking]
    if not good:
        return [blocker(ID, TITLE, "; ".join(bad), _INSTALL)]
    found = [ok(ID, TITLE, "; ".join(good))]
    if bad:
        remedy = "Remove these kernels, or make sure that another one is started by default."
        found.append(warning(ID, "Kernels that would not boot on ECS", "; ".join(bad), remedy))
    missing = [k.release for k in machine.kernels if not k.initramfs]
    if missing:
        evidence = f"no initramfs in /boot for {', '.join(missing)}"
        found.append(
            warning("GUESTOS.KernelVersion", "Initramfs", evidence, "Make one: update-initramfs -c")
        )
    return found


def _verdict(guest: Guest, kernel: Kernel) -> tuple[list[str], str]:
    """The drivers a kernel lacks, and in words how it has the others."""
    config = guest.text(f"/boot/config-{kernel.release}")
    modules = f"/lib/modules/{kernel.release}"
    builtin = guest.text(f"{modules}/modules.builtin")
    loadable = guest.text(f"{modules}/modules.dep")
    how = {name: _how(name, option, config, builtin, loadable) for name, option in DRIVERS.items()}
    lacking = [name for name, word in how.items() if not word]
    return lacking, ", ".join(f"{name} {word}" for name, word in how.items() if word)


def _how(name: str, option: str, config: str, builtin: str, loadable: str) -> str:
    file = rf"(^|/){name}\.ko(\.\w+)?"
    if re.search(rf"^{option}=y$", config, re.MULTILINE):
        return "built in"
    if re.search(file + r"$", builtin, re.MULTILINE):
        return "built in"
    return "as module" if re.search(file + ":", loadable, re.MULTILINE) else ""


CHECK = Check(ID, TITLE, run)
