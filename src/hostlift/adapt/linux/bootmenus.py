# SPDX-License-Identifier: Apache-2.0
"""What the adaptations of boot menus have in common: the edit, and the proof that it leads home."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import bootlines
from hostlift.adapt.linux import cmdline
from hostlift.adapt.linux.bench import Bench

WHY = "kernel command line for ECS: serial console, stable interface names, root by UUID"


def edit_file(bench: Bench, edit: Editor, path: str, pattern: re.Pattern[str]) -> None:
    """Give every kernel of a menu the command line it needs; a missing file is fine."""
    text = bench.text(path)
    if text is not None:
        edit.write_text(path, edited(bench, text, pattern), WHY)


def edited(bench: Bench, text: str, pattern: re.Pattern[str]) -> str:
    """The text of a menu with the command lines the kernels need.

    One that names no root (``$kernelopts``) is completed where the root is named.
    """

    def adapted(arguments: str) -> str:
        if "root=" not in arguments and "$" in arguments:
            return arguments
        return cmdline.adapted(bench, arguments)

    return bootlines.edited(text, pattern, adapted)


def lost_roots(bench: Bench, path: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """Sentences on every root that does not exist on the target."""
    for root in sorted(set(bootlines.roots(bench.text(path) or "", pattern))):
        if not bench.layout.knows(root) and not root.startswith("$"):
            yield f"{path} has root={root}, which is not on the target"
