# SPDX-License-Identifier: Apache-2.0
"""What an initramfs was told of the old machine, and what it would wait for.

dracut's host-only images hold arguments of their own (``root=``, ``resume=``, arrays, volumes) and wait
without end for the devices of their maker; those of all makers hold LVM's filters and list of devices.
An archive that is appended has the same files without what is not on the target; the kernel unpacks
it last.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import lvmconf
from hostlift.adapt.layout import Layout
from hostlift.adapt.linux import cmdline
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.images.kernels import Kernel, default, kernels, members
from hostlift.errors import FormatError
from hostlift.formats import cpio, dracut, initramfs
from hostlift.formats.cpio import Member
from hostlift.formats.fstab import spec_of
from hostlift.formats.imagekinds import LVM_CONFIGS, LVM_DEVICES

_FILE = stat.S_IFREG | 0o644
_WHY = "the image names devices of the old machine"


def apply(bench: Bench, edit: Editor) -> None:
    """Append what replaces such files."""
    for kernel in kernels(bench):
        files = list(_replaced(bench, kernel))
        if files:
            image = bench.tree.read(kernel.image)
            edit.write(kernel.image, initramfs.append(image, cpio.write(files)), _WHY)


def check(bench: Bench) -> Iterator[str]:
    """The image that starts by default waits for nothing that is not there."""
    starts = default(bench)
    for kernel in kernels(bench):
        stale = [member.name for member in _replaced(bench, kernel)]
        if stale and kernel.release == starts:
            yield f"{kernel.image} waits for devices that are not on the target: {', '.join(stale)}"


def _replaced(bench: Bench, kernel: Kernel) -> Iterator[Member]:
    """Files that have to say something else; of several of one name the last counts."""
    last = {member.name: member for member in _members(bench, kernel)}
    for member in last.values():
        if dracut.has_lines(member.name):
            yield from _changed(member, _adapted(bench.layout, _text(member)))
        device = dracut.awaited(member)
        if device and not bench.layout.knows(spec_of(device)):
            yield dracut.at_once(member)
            if dracut.wanted_unit(device) in last:
                yield dracut.masked_unit(device)
    if bench.layout.early_modules:
        yield from _lvm(last)


def _lvm(last: Mapping[str, Member]) -> Iterator[Member]:
    """LVM's own files; a list cannot be taken out of an archive, but switched off beside it."""
    for name in LVM_CONFIGS:
        member = last.get(name, Member(name, _FILE))
        new = lvmconf.without_filters(_text(member))
        if name == LVM_CONFIGS[-1] and LVM_DEVICES in last:
            new = lvmconf.with_all_devices(new)
        yield from _changed(member, new)


def _changed(member: Member, text: str) -> Iterator[Member]:
    data = text.encode("utf-8", "surrogateescape")
    if data != member.data:
        yield Member(member.name, member.mode, len(data), data)


def _text(member: Member) -> str:
    return member.data.decode("utf-8", "surrogateescape")


def _members(bench: Bench, kernel: Kernel) -> list[Member]:
    """A damaged image has been told of already."""
    try:
        return members(bench, kernel) if kernel.image else []
    except FormatError:
        return []


def _adapted(layout: Layout, text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(_line(layout, line) for line in lines)


def _line(layout: Layout, line: str) -> str:
    words = line.strip()
    new = cmdline.without_lost(layout, words)
    return line if new == words else line.replace(words, new)


STEP = Step(
    "image-devices",
    "An initramfs waits for nothing of the old machine, and sees all new disks.",
    apply,
    check,
)
