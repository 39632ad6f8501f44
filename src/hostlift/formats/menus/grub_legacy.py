# SPDX-License-Identifier: Apache-2.0
"""GRUB 0.97: ``default N`` counts the titles; ``saved`` is the first line of ``/boot/grub/default``."""

from __future__ import annotations

import re

from hostlift.formats.menus.files import Files, plain

_MENUS = ("/boot/grub/grub.conf", "/boot/grub/menu.lst")
_LINE = re.compile(r"^[ \t]*(?P<word>\w+)[ \t=]+(?P<rest>.*?)[ \t]*$", re.MULTILINE)


def default(files: Files) -> str:
    """The kernel of the default entry; empty when there is no such entry."""
    text = next((t for t in map(files.text, _MENUS) if t), "")
    kernels: list[str] = []
    chosen = "0"
    for word, rest in ((m["word"].lower(), m["rest"]) for m in _LINE.finditer(text)):
        if word == "default" and not kernels:
            chosen = rest
        elif word == "title":
            kernels.append("")
        elif word in {"kernel", "module"} and kernels:
            kernels[-1] = _kernel(rest, kernels[-1])
    if chosen == "saved":
        chosen = (files.text("/boot/grub/default") or "0").split("\n", 1)[0].strip()
    index = int(chosen) if chosen.isdecimal() else -1
    return kernels[index] if 0 <= index < len(kernels) else ""


def _kernel(rest: str, known: str) -> str:
    """Of a hypervisor the first module is the kernel."""
    words = [word for word in rest.split() if not word.startswith("--")]
    if not words or (known and "xen" not in known.rpartition("/")[2]):
        return known
    return plain(words[0])
