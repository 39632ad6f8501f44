# SPDX-License-Identifier: Apache-2.0
"""GRUB's menu: the same as before, with the command line the copy needs.

A menu that grub-mkconfig wrote and that names the root by UUID is edited where it stands, in the
same words grub-mkconfig would use; running it costs 12 s on an emulated processor. Any other menu
is written anew by the guest's tool.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import grubcfg
from hostlift.adapt.linux import cmdline
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.family import has_program
from hostlift.adapt.linux.grub import menu_path, run_tool, uses_grub

_NAME = "grub-menu"
_WHY = "kernel command line for ECS: serial console, stable interface names, root by UUID"
_TERMINAL = (
    "serial --speed=115200 --unit=0 --word=8 --parity=no --stop=1",
    "terminal_input console serial",
    "terminal_output console serial",
)


def apply(bench: Bench, edit: Editor) -> None:
    """Edit the menu, or have it written."""
    if not uses_grub(bench):
        return
    path = menu_path(bench)
    text = bench.text(path)
    if text is None or not grubcfg.is_generated(text):
        _regenerate(bench)
        text = bench.text(path)
    if text is not None:
        edit.write(path, _edited(bench, text).encode("utf-8", "surrogateescape"), _WHY)


def check(bench: Bench) -> Iterator[str]:
    """Every entry of the menu names a root that exists on the target."""
    if not uses_grub(bench):
        return
    text = bench.text(menu_path(bench))
    roots = grubcfg.roots(text) if text is not None else []
    if not roots:
        yield f"{menu_path(bench)} names no root file system"
    for root in sorted(set(roots)):
        if not bench.layout.knows(root):
            yield f"{menu_path(bench)} has root={root}, which is not on the target"


def _regenerate(bench: Bench) -> None:
    argv = list(bench.family.grub_mkconfig)
    if not has_program(bench.tree, argv[0]):
        bench.note(f"the copy has no {argv[0]}: its boot menu could not be written anew")
        return
    problem = run_tool(bench, argv, adaptation=_NAME, why=_WHY)
    if problem:
        bench.note(f"{argv[0]} failed in the copy: {problem}")


def _edited(bench: Bench, text: str) -> str:
    root = bench.layout.root
    uuid = f"UUID={root.fs_uuid}" if root is not None and root.fs_uuid else ""

    def edit(arguments: str) -> str:
        words = [
            f"root={uuid}" if uuid and _is_lost_root(bench, word) else word
            for word in arguments.split()
        ]
        same = words == arguments.split()
        return cmdline.adapted(bench, arguments if same else " ".join(words))

    return grubcfg.with_serial_terminal(grubcfg.edit_arguments(text, edit), _TERMINAL)


def _is_lost_root(bench: Bench, word: str) -> bool:
    return word.startswith("root=") and not bench.layout.knows(word[len("root=") :])


STEP = Step(_NAME, "A boot menu with the command line the copy needs.", apply, check)
