# SPDX-License-Identifier: Apache-2.0
"""The NVMe driver, which the newest instance families need."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.inspect.kernelmodules import modules_of
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Nvme"
TITLE = "NVMe driver"


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Built in or as a module, for every kernel."""
    guest = context.guest(machine)
    lacking = [k.release for k in machine.kernels if not modules_of(guest, k.release).has("nvme")]
    if not machine.kernels:
        return [note(ID, TITLE, "no kernel to look at")]
    if not lacking:
        return [ok(ID, TITLE, "every kernel has it")]
    evidence = (
        f"{', '.join(lacking)} lacks it: families with NVMe disks (g7se, g8…) cannot start it"
    )
    return [note(ID, TITLE, evidence, "Choose a family with virtio disks, or a newer kernel.")]


CHECK = Check(ID, TITLE, run)
