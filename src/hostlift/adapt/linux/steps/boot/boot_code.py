# SPDX-License-Identifier: Apache-2.0
"""Boot code: what BIOS starts on the new system disk, by the copy's own loader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.bios import extlinux, grub2, grub_legacy
from hostlift.adapt.linux.bios.embedding import Record, leads_to_core, starts
from hostlift.adapt.linux.found.loaders import Loader, LoaderKind
from hostlift.adapt.snapshot import ABSENT, Snapshot
from hostlift.model.adaptation import EditKind

_NAME = "boot-code"
_WHY = "boot code on the new system disk"
_INSTALLERS: Mapping[LoaderKind, Callable[[Bench, Loader, Record], bool]] = {
    LoaderKind.GRUB2: grub2.install,
    LoaderKind.GRUB_LEGACY: grub_legacy.install,
    LoaderKind.EXTLINUX: extlinux.install,
}


def apply(bench: Bench, _edit: Editor) -> None:
    """Let the first loader that can put it there."""
    if bench.order.firmware != "bios":
        return
    loaders = [x for x in bench.tools.loaders if x.kind in _INSTALLERS]
    if not loaders:
        bench.note("the copy has no boot loader for BIOS: how it starts on ECS is not known")
    for loader in loaders:
        if _INSTALLERS[loader.kind](bench, loader, lambda code: _record(bench, code)):
            return


def check(bench: Bench) -> Iterator[str]:
    """There is something to start."""
    if bench.order.firmware != "bios" or not bench.tools.loaders:
        return
    grub_only = [x.kind for x in bench.tools.loaders] == [LoaderKind.GRUB2]
    good = leads_to_core if grub_only else starts
    if not good(bench.devices[0]):
        yield (
            "the first sector of the system disk holds no boot code: install GRUB for BIOS on the"
            " source (grub-pc-bin, or grub2-pc-modules)"
        )


def _record(bench: Bench, code: bytes) -> None:
    """Boot code lies outside every file; the disk was blank, so there is nothing to go back to."""
    serial = bench.order.serials.get(0, "0")
    path = f"/dev/disk/by-id/virtio-{serial[:20]}"
    after = Snapshot("other", code)
    bench.ledger.record(_NAME, path, _WHY, before=ABSENT, after=after, kind=EditKind.BOOT_CODE)


STEP = Step(_NAME, "Make the new system disk startable by BIOS.", apply, check)
