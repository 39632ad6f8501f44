# SPDX-License-Identifier: Apache-2.0
"""The initramfs: read it first; only one that lacks a driver is made anew or added to.

Making one anew with the guest's own tool costs minutes on an emulated processor. Where the tool is
missing, fails or is not wanted, an archive with the modules is appended instead: the kernel unpacks
archives in turn and later files win. Either way the result is read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.guest_tool import run_tool
from hostlift.adapt.linux.images.kernels import (
    Kernel,
    default,
    kernels,
    members,
    needed,
    unable,
    wanted,
)
from hostlift.adapt.linux.images.remembering import remember_modules
from hostlift.adapt.linux.images.supplement import supplement
from hostlift.adapt.linux.images.unified import missing as missing_in_unified
from hostlift.adapt.linux.images.unified import unified_images
from hostlift.errors import AdaptError, FormatError
from hostlift.formats import imagekinds, initramfs

_NAME = "initramfs"
_WHY = "the image of kernel {} lacks {}"


def apply(bench: Bench, edit: Editor) -> None:
    """See to it that every kernel finds its root on ECS."""
    for kernel in _readable(bench):
        missing = _missing(bench, kernel) if kernel.image else []
        if not missing or unable(kernel):
            continue
        why = _WHY.format(kernel.release, ", ".join(missing))
        remember_modules(bench, edit, missing, why)
        if bench.order.rebuild_initramfs:
            _rebuild(bench, kernel, why)
        if _missing(bench, kernel):
            with _forgiving(bench, kernel):
                _append(bench, edit, kernel, why)


def check(bench: Bench) -> Iterator[str]:
    """At least one kernel can start here, and the one that starts by default has what it needs."""
    able = 0
    starts = default(bench)
    for kernel in _readable(bench):
        lacking = unable(kernel)
        missing = [] if lacking else _missing(bench, kernel)
        if missing and kernel.image and kernel.release == starts:
            yield f"{kernel.image} lacks {', '.join(missing)}"
        able += not lacking and not missing
        if lacking:
            bench.note(f"kernel {kernel.release} has no {', '.join(lacking)}: choose another one")
    if not able and not any(missing_in_unified(bench, i) == [] for i in unified_images(bench)):
        yield "no installed kernel can find its disk on ECS (virtio_blk)"


def _readable(bench: Bench) -> Iterator[Kernel]:
    """All but spare kernels with a damaged image, which nobody starts."""
    for kernel in kernels(bench):
        with _forgiving(bench, kernel):
            if kernel.image:
                members(bench, kernel)
            yield kernel


@contextlib.contextmanager
def _forgiving(bench: Bench, kernel: Kernel) -> Iterator[None]:
    """What is wrong with a spare kernel's image becomes a note.

    Raises:
        AdaptError: It is the image of the kernel that starts by default.
    """
    try:
        yield
    except (AdaptError, FormatError) as error:
        starts = default(bench)
        if kernel.release == starts:
            raise AdaptError(error.message, subject=kernel.image, hint=error.hint) from error
        bench.note(
            f"{kernel.image} was left as it is ({error.message}): it is of a spare kernel, and"
            f" {starts} starts by default"
        )


def _missing(bench: Bench, kernel: Kernel) -> list[str]:
    """What an image lacks; without an image nothing but what is built in can be used."""
    found = imagekinds.loaded(members(bench, kernel)) if kernel.image else set()
    return [name for name in needed(bench, kernel) if name not in found]


def _rebuild(bench: Bench, kernel: Kernel, why: str) -> None:
    tool = bench.tools.maker
    if tool is None:
        return
    argv = tool.command(
        release=kernel.release,
        image=kernel.image,
        kernel=kernel.file,
        modules=needed(bench, kernel),
    )
    written = [kernel.image, f"{kernel.image}.bak", f"{kernel.image}.dpkg-bak", *tool.state]
    problem = run_tool(bench, argv, watched=written, adaptation=_NAME, why=why)
    if problem:
        bench.note(f"{argv[0]} failed in the copy ({problem}); modules were appended instead")


def _append(bench: Bench, edit: Editor, kernel: Kernel, why: str) -> None:
    image = bench.tree.read(kernel.image)
    present = members(bench, kernel)
    # The order of loading needs the whole closure, also of what is there already.
    names = wanted(bench, kernel)
    archive = supplement(bench, kernel, names, present)
    edit.write(kernel.image, initramfs.append(image, archive), why)


STEP = Step(_NAME, "See to it that the initramfs has the drivers of ECS.", apply, check)
