# SPDX-License-Identifier: Apache-2.0
"""The kernel must drive virtio disks and networks; what its initramfs lacks is added to the copy."""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.formats.modules import Modules
from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok, warning
from hostlift.inspect.kernelmodules import EARLY, Image, default_kernel, image_of, modules_of
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.Virtio"
TITLE = "Kernel with virtio drivers"
IMAGE_ID = "GUESTOS.KernelVersion"
DRIVERS = ("virtio_blk", "virtio_net")
_INSTALL = "Install the distribution's standard kernel, then run the check again."
_REMAKE = (
    "Make it anew (update-initramfs -c -k, dracut -f), or remove its kernel; then check again."
)
_CHOOSE = (
    "Make another kernel the default (grub-set-default, grubby --set-default), or install the"
    " distribution's standard kernel; then check again."
)
_WOULD_NOT = "Kernels that would not boot on ECS"
_DEFAULT = "the boot menu starts this kernel by default"
_SPARE = "only a spare kernel, which the boot menu does not start by default"
_ADD = "Have its tool put virtio_pci and virtio_blk into it on the source already, to be sure."


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """The kernel that starts by default must be able to; others are named, every initramfs is read."""
    guest = context.guest(machine)
    if not machine.kernels:
        return [blocker(ID, TITLE, "no kernel in /boot: a container?", _INSTALL)]
    default = default_kernel(guest, machine)
    known = {k.release: modules_of(guest, k.release) for k in machine.kernels}
    findings = list(_drivers(known, default))
    for kernel in machine.kernels:
        starts = kernel.release == default
        image = image_of(guest, kernel, known[kernel.release])
        if image is not None:
            findings += _image(image, starts=starts)
        elif not kernel.initramfs:
            findings += _no_image(machine, kernel.release, known[kernel.release], starts=starts)
    return findings


def _drivers(known: dict[str, Modules], default: str) -> Iterator[Finding]:
    good, bad = [], {}
    for release, found in known.items():
        lacking = [d for d in DRIVERS if not found.has(d)]
        how = (f"{d} {'built in' if d in found.builtin else 'as module'}" for d in DRIVERS)
        if lacking:
            bad[release] = f"{release} lacks {', '.join(lacking)}"
        else:
            good.append(f"{release} ({', '.join(how)})")
    told = "; ".join(bad.values())
    if not good:
        yield blocker(ID, TITLE, told, _INSTALL)
        return
    yield ok(ID, TITLE, "; ".join(good))
    if default in bad:
        evidence = f"{bad[default]}, and the boot menu starts it by default"
        yield blocker(ID, _WOULD_NOT, evidence, _CHOOSE)
    elif bad:
        yield warning(ID, _WOULD_NOT, told, "Remove these kernels; they are not the default.")


def _no_image(machine: Machine, release: str, found: Modules, *, starts: bool) -> Iterator[Finding]:
    """A kernel that has everything built in needs none."""
    root = (fs.kind for fs in machine.file_systems if fs.mount_point == "/")
    outside = found.closure([*EARLY, *root])
    if not outside and (found.files or found.builtin):
        return
    evidence = f"no initramfs in /boot for {release}"
    if outside:
        evidence += f", whose {', '.join(outside)} are modules"
    if starts and outside:
        yield blocker(IMAGE_ID, "Initramfs", f"{evidence}; {_DEFAULT}", _REMAKE)
    else:
        told = evidence if starts else f"{evidence}; {_SPARE}"
        yield warning(IMAGE_ID, "Initramfs", told, _REMAKE)


def _image(image: Image, *, starts: bool) -> Iterator[Finding]:
    """Adaptation reads every initramfs of the copy, too: one of the default kernel would stop it."""
    if image.damage:
        evidence = f"{image.path}: {image.damage}"
        if starts:
            yield blocker(IMAGE_ID, "Initramfs", f"{evidence}; {_DEFAULT}", _REMAKE)
        else:
            yield warning(IMAGE_ID, "Initramfs", f"{evidence}; {_SPARE}", _REMAKE)
        return
    lacks = f"{image.path} lacks {', '.join(image.lacking)}"
    if image.lacking and image.can_grow:
        yield note(ID, "Initramfs", f"{lacks}: added in the copy")
    elif image.lacking:
        evidence = f"{lacks}, and nothing can be appended to it: it is made anew by its own tool"
        yield warning(ID, "Initramfs", evidence, _ADD)


CHECK = Check(ID, TITLE, run)
