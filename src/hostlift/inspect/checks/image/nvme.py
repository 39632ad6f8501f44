# SPDX-License-Identifier: Apache-2.0
"""The NVMe driver, which the newest instance families need."""

from __future__ import annotations

import re

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding
from hostlift.model.machine import Kernel, Machine

ID = "GUESTOS.Nvme"
TITLE = "NVMe driver"
_MODULE = re.compile(r"(^|/)nvme\.ko(\.\w+)?:?", re.MULTILINE)


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Built in or as a module, for every kernel."""
    guest = context.guest(machine)
    lacking = [k.release for k in machine.kernels if not _has(guest, k)]
    if not machine.kernels:
        return [note(ID, TITLE, "no kernel to look at")]
    if not lacking:
        return [ok(ID, TITLE, "every kernel has it")]
    evidence = (
        f"{', '.join(lacking)} lacks it: families with NVMe disks (g7se, g8…) cannot start it"
    )
    return [note(ID, TITLE, evidence, "Choose a family with virtio disks, or a newer kernel.")]


def _has(guest: Guest, kernel: Kernel) -> bool:
    modules = f"/lib/modules/{kernel.release}"
    if re.search(
        r"^CONFIG_BLK_DEV_NVME=y$", guest.text(f"/boot/config-{kernel.release}"), re.MULTILINE
    ):
        return True
    lists = guest.text(f"{modules}/modules.builtin") + guest.text(f"{modules}/modules.dep")
    return _MODULE.search(lists) is not None


CHECK = Check(ID, TITLE, run)
