# SPDX-License-Identifier: Apache-2.0
"""The kernel must drive virtio disks and networks; what its initramfs lacks is added to the copy."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok, warning
from hostlift.inspect.kernelmodules import Image, image_of, modules_of
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Virtio"
TITLE = "Kernel with virtio drivers"
IMAGE_ID = "GUESTOS.KernelVersion"
DRIVERS = ("virtio_blk", "virtio_net")
_INSTALL = "Install the distribution's standard kernel, then run the check again."
_REMAKE = (
    "Make it anew (update-initramfs -u -k, dracut -f), or remove its kernel; then check again."
)
_ADD = "Have its tool put virtio_pci and virtio_blk into it on the source already, to be sure."


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """One kernel that has the drivers is enough; others are named, and every initramfs is read."""
    guest = context.guest(machine)
    if not machine.kernels:
        return [blocker(ID, TITLE, "no kernel in /boot: a container?", _INSTALL)]
    known = {k.release: modules_of(guest, k.release) for k in machine.kernels}
    good, bad = [], []
    for release, found in known.items():
        lacking = [d for d in DRIVERS if not found.has(d)]
        how = (f"{d} {'built in' if d in found.builtin else 'as module'}" for d in DRIVERS)
        if lacking:
            bad.append(f"{release} lacks {', '.join(lacking)}")
        else:
            good.append(f"{release} ({', '.join(how)})")
    if not good:
        return [blocker(ID, TITLE, "; ".join(bad), _INSTALL)]
    findings = [ok(ID, TITLE, "; ".join(good))]
    if bad:
        remedy = "Remove these kernels, or make sure that another one is started by default."
        findings.append(warning(ID, "Kernels that would not boot on ECS", "; ".join(bad), remedy))
    missing = [k.release for k in machine.kernels if not k.initramfs]
    if missing:
        evidence = f"no initramfs in /boot for {', '.join(missing)}"
        findings.append(warning(IMAGE_ID, "Initramfs", evidence, "Make one: update-initramfs -c"))
    images = (image_of(guest, k, known[k.release]) for k in machine.kernels)
    return [*findings, *(f for image in images if image for f in _image(image))]


def _image(image: Image) -> Iterator[Finding]:
    """Adaptation reads every initramfs of the copy, too: one that cannot be read would stop it late."""
    if image.damage:
        yield blocker(IMAGE_ID, "Initramfs", f"{image.path}: {image.damage}", _REMAKE)
        return
    lacks = f"{image.path} lacks {', '.join(image.lacking)}"
    if image.lacking and image.can_grow:
        yield note(ID, "Initramfs", f"{lacks}: added in the copy")
    elif image.lacking:
        evidence = f"{lacks}, and nothing can be appended to it: it is made anew by its own tool"
        yield warning(ID, "Initramfs", evidence, _ADD)


CHECK = Check(ID, TITLE, run)
