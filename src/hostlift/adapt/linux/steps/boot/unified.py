# SPDX-License-Identifier: Apache-2.0
"""Unified kernel images: read first; one that lacks a driver, or its root, is made anew.

The copy's own maker is told the command line, or it would take that of the machine it runs on. A
signature is lost by it, which is noted: ECS asks for none unless Secure Boot was chosen. Where the
name of the first card cannot come from the command line, a rule of udev's gives it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats.bootlines import roots_of
from hostlift.adapt.linux import cmdline
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.guest_tool import run_tool
from hostlift.adapt.linux.images.kernels import Kernel, needed, unable
from hostlift.adapt.linux.images.remembering import remember_modules
from hostlift.adapt.linux.images.unified import Unified, kernel_of, missing, unified_images
from hostlift.adapt.linux.templates import template

_NAME = "unified-images"
_LINE = "/etc/kernel/cmdline"
_LINK = "/etc/systemd/network/10-hostlift-eth0.link"
_REMEDY = (
    "make it anew on the source with virtio_pci and virtio_blk in it and root=UUID=…"
    " (mkinitcpio: MODULES and /etc/kernel/cmdline; dracut: add_drivers and kernel_cmdline)"
)


def apply(bench: Bench, edit: Editor) -> None:
    """Make anew what would not start, and what would start without the cards' usual names."""
    for image in unified_images(bench):
        kernel = kernel_of(bench, image)
        if kernel is None or unable(kernel):
            continue
        wrong = _wrong(bench, image) or ([] if image.signed else _unset(bench, image))
        if wrong and bench.order.rebuild_initramfs:
            _rebuild(bench, edit, image, kernel, f"{image.path} {' and '.join(wrong)}")
    if any(cmdline.STABLE_NAMES[0] in w for i in unified_images(bench) for w in _unset(bench, i)):
        edit.write(_LINK, template("eth0.link"), "the kernel's command line cannot name it")


def check(bench: Bench) -> Iterator[str]:
    """None of them is without its disk; what cannot be set is told."""
    for image in unified_images(bench):
        kernel = kernel_of(bench, image)
        if kernel is None:
            release = image.release or "an unknown kernel"
            bench.note(
                f"{image.path} is of {release}, which is not installed: it was not looked at"
            )
            continue
        lacking = unable(kernel)
        if lacking:
            bench.note(f"{image.path} has no {', '.join(lacking)}: choose another one")
            continue
        wrong = _wrong(bench, image)
        if wrong:
            yield f"{image.path} {' and '.join(wrong)}: {_REMEDY}"
        elif _unset(bench, image):
            bench.note(
                f"the command line in {image.path} {_unset(bench, image)[0]}: the serial console may"
                f" stay silent; the first card is named by {_LINK}"
            )


def _wrong(bench: Bench, image: Unified) -> list[str]:
    """Why it would not start."""
    found: list[str] = []
    drivers = missing(bench, image)
    if drivers:
        found.append(f"lacks {', '.join(drivers)}")
    lost = [r for line in image.lines for r in roots_of(line) if not bench.layout.knows(r)]
    if lost:
        found.append(f"has root={lost[0]}, which is not on the target")
    return found


def _unset(bench: Bench, image: Unified) -> list[str]:
    """What is not as it should be, though it would start."""
    lines = image.lines or ("",)
    lacking = [w for x in lines for w in cmdline.wanted(bench, x) if w not in x.split()]
    return [f"lacks {' '.join(dict.fromkeys(lacking))}"] if lacking else []


def _rebuild(bench: Bench, edit: Editor, image: Unified, kernel: Kernel, why: str) -> None:
    tool = bench.tools.maker
    if tool is None or not tool.unified or len(image.lines) > 1:
        return
    modules = needed(bench, kernel)
    line = cmdline.adapted(bench, image.lines[0] if image.lines else "")
    remember_modules(bench, edit, modules, why)
    if bench.text(_LINE) is None and any("{line_file}" in word for word in tool.unified):
        edit.write_text(_LINE, f"{line}\n", why)
    argv = tool.unified_command(
        release=kernel.release, image=image.path, line=line, line_file=_LINE, modules=modules
    )
    problem = run_tool(bench, argv, watched=[image.path], adaptation=_NAME, why=why)
    if problem:
        bench.note(f"{argv[0]} did not make {image.path} anew ({problem})")
    elif image.signed:
        bench.note(f"{image.path} was signed; made anew it is not: Secure Boot would refuse it")


STEP = Step(
    _NAME, "Unified kernel images with the drivers of ECS and the copy's root.", apply, check
)
