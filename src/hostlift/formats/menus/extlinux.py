# SPDX-License-Identifier: Apache-2.0
"""extlinux: ``ONTIMEOUT``, ``MENU DEFAULT`` or ``DEFAULT`` name a label; else it is the first."""

from __future__ import annotations

from hostlift.formats.menus.files import Files

_MENUS = (
    "/boot/extlinux.conf",
    "/boot/extlinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/boot/syslinux/extlinux.conf",
    "/extlinux.conf",
)


def default(files: Files) -> str:
    """The kernel of the default label."""
    text = next((t for t in map(files.text, _MENUS) if t), "")
    labels: dict[str, str] = {}
    label, named, marked, late = "", "", "", ""
    for word, rest in map(_split, text.splitlines()):
        if word == "label":
            label = rest
            labels.setdefault(label, "")
        elif word in {"kernel", "linux"} and label:
            labels[label] = rest.split(None, 1)[0] if rest else ""
        elif word == "menu" and rest.lower() == "default":
            marked = label
        elif word == "default":
            named = rest
        elif word == "ontimeout":
            late = rest
    wanted = (late, marked, named, *labels)
    return next((labels[w] for w in wanted if labels.get(w)), "")


def _split(line: str) -> tuple[str, str]:
    word, *rest = line.split(None, 1) or [""]
    return word.lower(), rest[0].strip() if rest else ""
