# SPDX-License-Identifier: Apache-2.0
"""What a copy is made of, found out once from its files: the tools that every adaptation asks for."""

from __future__ import annotations

from dataclasses import dataclass

from hostlift.adapt.layout import Layout
from hostlift.adapt.linux.family import Family, Release, detect, release
from hostlift.adapt.linux.found import esp, init_systems, initramfs_tools, loaders, stacks
from hostlift.adapt.linux.found.init_systems import Inits
from hostlift.adapt.linux.found.initramfs_tools import InitramfsTool
from hostlift.adapt.linux.found.loaders import Loader, LoaderKind
from hostlift.adapt.linux.found.stacks import NetworkStack
from hostlift.adapt.reading import has_program
from hostlift.model.adaptation import AdaptOrder
from hostlift.ports.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """Found tools.

    Attributes:
        family: Defaults, for what was not found.
        maker: Makes the initramfs; None: the copy cannot.
        loaders: All boot loaders, the likeliest first.
        stacks: All programs that may run the network.
        esp: Where the EFI partition is mounted; empty: there is none.
    """

    release: Release
    family: Family
    inits: Inits
    maker: InitramfsTool | None
    loaders: tuple[Loader, ...]
    stacks: tuple[NetworkStack, ...]
    esp: str

    def loader(self, kind: LoaderKind) -> Loader | None:
        """The loader of a kind."""
        return next((x for x in self.loaders if x.kind is kind), None)

    @property
    def grub(self) -> Loader | None:
        """GRUB 2."""
        return self.loader(LoaderKind.GRUB2)

    def has_stack(self, name: str) -> bool:
        """True when a network stack is there."""
        return any(stack.name == name for stack in self.stacks)


def survey(order: AdaptOrder, tree: Tree, layout: Layout, families: tuple[Family, ...]) -> Toolbox:
    """Look at a copy."""
    family = detect(order, tree, families)
    esp_folder = esp.folder(tree, layout)
    return Toolbox(
        release=release(order, tree),
        family=family,
        inits=init_systems.found(tree),
        maker=_maker(tree, family),
        loaders=loaders.found(tree, esp_folder),
        stacks=stacks.installed(tree),
        esp=esp_folder,
    )


def _maker(tree: Tree, family: Family) -> InitramfsTool | None:
    tools = initramfs_tools.TOOLS
    there = [tool for tool in tools if _is_there(tree, tool)]
    # A tool that was taken away may have left its configuration: it may come back.
    there = there or [t for t in tools if t.config and not t.create and tree.exists(t.config)]
    wanted = [tool for name in family.makers for tool in there if tool.name == name]
    return next(iter([*wanted, *there]), None)


def _is_there(tree: Tree, tool: InitramfsTool) -> bool:
    return has_program(tree, tool.program) and (not tool.beside or tree.exists(tool.beside))
