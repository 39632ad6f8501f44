# SPDX-License-Identifier: Apache-2.0
"""What an adaptation works with: the order, the copy to read, the guest's tools to run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hostlift.adapt import reading
from hostlift.adapt.editor import Editor
from hostlift.adapt.layout import Layout
from hostlift.adapt.ledger import Ledger
from hostlift.adapt.linux.toolbox import Toolbox
from hostlift.formats.cpio import Member
from hostlift.host import areas
from hostlift.host.chroot import Chroot, prepared
from hostlift.model.adaptation import AdaptOrder, Addressing
from hostlift.ports.commands import Commands
from hostlift.ports.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything a step may look at. Changing goes through the step's `Editor` only.

    Attributes:
        tools: What was found in the copy.
        root: Where the copy is assembled on this machine.
        devices: Target disk index -> device node on this machine.
        images: Contents of initramfs images by path, time and size: unpacking one takes seconds.
    """

    order: AdaptOrder
    tree: Tree
    layout: Layout
    tools: Toolbox
    root: Path
    commands: Commands
    devices: Mapping[int, str]
    ledger: Ledger
    images: dict[tuple[str, int, int], list[Member]] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        """Content of a file of the copy, bytes that are not UTF-8 kept; None when there is none."""
        return reading.text(self.tree, path)

    def names(self, folder: str) -> list[str]:
        """Names in a folder of the copy; none when it does not exist."""
        return reading.names(self.tree, folder)

    def glob(self, pattern: str) -> list[str]:
        """Paths that match; ``*`` stays within one component."""
        return reading.glob(self.tree, pattern)

    def note(self, text: str) -> None:
        """Tell the user something, once."""
        self.ledger.note(text)

    @property
    def keeps_addresses(self) -> bool:
        """True when static addresses shall stay."""
        return self.order.addressing is Addressing.STATIC

    @property
    def notes(self) -> tuple[str, ...]:
        """What the steps had to tell so far."""
        return self.ledger.notes

    @contextlib.contextmanager
    def chroot(self) -> Iterator[Chroot]:
        """The copy, ready to run its own tools in."""
        disks, devices = self.order.disks, self.devices
        unique = dict.fromkeys([*devices.values(), *areas.nodes(disks, devices)])
        links = areas.links(disks, devices)
        with prepared(self.root, self.commands, nodes=unique, links=links) as place:
            yield place


@dataclass(frozen=True, slots=True)
class Step:
    """An adaptation.

    Attributes:
        name: Its folder under ``tests/golden`` and its name in every edit.
        description: What it does and why, for a person.
        apply: Makes the edits; doing it twice is doing it once.
        check: Sentences on what is wrong afterwards; none when all is well.
    """

    name: str
    description: str
    apply: Callable[[Bench, Editor], None]
    check: Callable[[Bench], Iterator[str]] = lambda _: iter(())
