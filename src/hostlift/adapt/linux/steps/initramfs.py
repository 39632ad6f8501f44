# SPDX-License-Identifier: Apache-2.0
"""The initramfs: read it first; only one that lacks a driver is made anew or added to.

Making one anew with the guest's own tool costs minutes on an emulated processor. Where the tool is
missing, fails or is not wanted, an archive with the modules is appended instead: the kernel unpacks
archives in turn and later files win.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import initramfs
from hostlift.adapt.formats.cpio import Member
from hostlift.adapt.formats.modules import is_module, module_name
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.family import has_program
from hostlift.adapt.linux.kernels import Kernel, kernels, needed, unable, wanted
from hostlift.adapt.linux.supplement import ORDER, supplement
from hostlift.errors import AdaptError, HostError

_NAME = "initramfs"
_WHY = "the image of kernel {} lacks {}"
_TIMEOUT = 1800.0
_STATE = ("/var/lib/initramfs-tools",)
"""Where the guest's tool remembers which images it made."""


def apply(bench: Bench, edit: Editor) -> None:
    """See to it that every kernel finds its root on ECS."""
    for kernel in kernels(bench):
        missing = _missing(bench, kernel)
        if not missing or unable(kernel):
            continue
        why = _WHY.format(kernel.release, ", ".join(missing))
        _remember_modules(bench, edit, missing, why)
        if bench.order.rebuild_initramfs:
            _rebuild(bench, kernel, why)
        if _missing(bench, kernel):
            _append(bench, edit, kernel, why)


def check(bench: Bench) -> Iterator[str]:
    """At least one kernel can start here, and none has an image that cannot."""
    able = 0
    for kernel in kernels(bench):
        lacking = unable(kernel)
        missing = [] if lacking else _missing(bench, kernel)
        if missing:
            yield f"{kernel.image} lacks {', '.join(missing)}"
        able += not lacking and not missing
        if lacking:
            bench.note(f"kernel {kernel.release} has no {', '.join(lacking)}: choose another one")
    if not able:
        yield "no installed kernel can find its disk on ECS (virtio_blk)"


def _missing(bench: Bench, kernel: Kernel) -> list[str]:
    found = {module_name(m.name) for m in _members(bench, kernel) if is_module(m.name)}
    return [name for name in needed(bench, kernel) if name not in found]


def _members(bench: Bench, kernel: Kernel) -> list[Member]:
    status = bench.tree.stat(kernel.image)
    key = (kernel.image, status.mtime_ns, status.size)
    if key not in bench.images:
        try:
            found = initramfs.members(bench.tree.read(kernel.image), lambda name: name == ORDER)
        except AdaptError as error:
            raise AdaptError(error.message, subject=kernel.image) from error
        bench.images[key] = found
    return bench.images[key]


def _remember_modules(bench: Bench, edit: Editor, missing: list[str], why: str) -> None:
    """So that the next image the guest makes holds them too."""
    path = bench.family.modules_list
    text = bench.text(path) if path else None
    if text is None:
        return
    listed = {line.split()[0] for line in text.splitlines() if line.split()}
    new = [name for name in missing if name not in listed]
    end = "" if not text or text.endswith("\n") else "\n"
    added = "".join(f"{name}\n" for name in new)
    edit.write(path, f"{text}{end}{added}".encode("utf-8", "surrogateescape"), why)


def _rebuild(bench: Bench, kernel: Kernel, why: str) -> None:
    argv = [word.format(release=kernel.release) for word in bench.family.rebuild]
    if not has_program(bench.tree, argv[0]):
        return
    written = [kernel.image, f"{kernel.image}.bak", *_STATE]
    try:
        with (
            bench.ledger.watching(bench.tree, written, adaptation=_NAME, why=why),
            bench.chroot() as guest,
        ):
            guest.run(argv, timeout=_TIMEOUT)
    except HostError as error:
        bench.note(f"{argv[0]} failed in the copy ({error.message}); modules were appended instead")


def _append(bench: Bench, edit: Editor, kernel: Kernel, why: str) -> None:
    image = bench.tree.read(kernel.image)
    present = _members(bench, kernel)
    # The order of loading needs the whole closure, also of what is there already.
    names = wanted(bench, kernel)
    archive = supplement(bench, kernel, names, present)
    edit.write(kernel.image, initramfs.append(image, archive), why)


STEP = Step(_NAME, "See to it that the initramfs has the drivers of ECS.", apply, check)
