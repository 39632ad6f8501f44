# SPDX-License-Identifier: Apache-2.0
"""GRUB 2: ``grub.cfg``, its environment, and entries beside it.

The default is an index, a title or an id, each of them of a path of submenus (``1>2``). What is not
found is the first entry, as in GRUB's own code. Conditions are not evaluated: the menus of
grub-mkconfig name their default in one place, in a variable, or both.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hostlift.formats import grubenv
from hostlift.formats.menus import entries
from hostlift.formats.menus.files import Files, plain

_FOLDERS = ("/boot/grub2", "/boot/grub")
_ESP = "/boot/efi/EFI"
_DEFAULT = re.compile(r"""(?m)^[ \t]*set[ \t]+default=(["']?)(?P<value>[^"'\n;]*)\1""")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_OPEN = re.compile(r"""^[ \t]*(?P<word>menuentry|submenu)[ \t]+(?P<rest>.*)\{[ \t]*$""")
_STRING = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|(\S+)""")
_ID_OPTION = ("--id", "$menuentry_id_option")
_KERNEL = re.compile(r"^[ \t]*(?:linux(?:16|efi)?|module2?)[ \t]+(?:--\S+[ \t]+)*(?P<path>\S+)")
_BLSCFG = re.compile(r"(?m)^[ \t]*blscfg[ \t]*$")


@dataclass(slots=True)
class Entry:
    """An entry, or a submenu with more of them."""

    names: tuple[str, ...] = ()
    kernel: str = ""
    below: list[Entry] = field(default_factory=list)


def default(files: Files) -> str:
    """The kernel of the default entry."""
    folder, text = _menu(files)
    chosen = _chosen(text, files.text(f"{folder}/grubenv") or "")
    if chosen is None:
        return ""
    if _BLSCFG.search(text):
        return entries.grub_default(files, chosen)
    return _find(parse(text), chosen)


def parse(text: str) -> list[Entry]:
    """The menu as a tree."""
    top = Entry()
    # Braces of functions count, too: None stands for what is no entry.
    stack: list[Entry | None] = [top]
    for line in text.splitlines():
        opened = _OPEN.match(line)
        above = next((e for e in reversed(stack) if e is not None), top)
        if opened is not None:
            entry = Entry(_names(opened["rest"]))
            above.below.append(entry)
            stack.append(entry)
        elif line.rstrip().endswith("{"):
            stack.append(None)
        elif line.strip() == "}":
            stack = stack[:-1] or [top]
        elif above is not top and not above.kernel and (kernel := _KERNEL.match(line)):
            above.kernel = plain(kernel["path"])
    return top.below


def _menu(files: Files) -> tuple[str, str]:
    """The folder and the text of the menu that starts kernels."""
    folders = (*_FOLDERS, *(f"{_ESP}/{vendor}" for vendor in files.names(_ESP)))
    found = [(folder, files.text(f"{folder}/grub.cfg") or "") for folder in folders]
    real = (f for f in found if _BLSCFG.search(f[1]) or "menuentry " in f[1])
    return next(real, (_FOLDERS[0], ""))


def _chosen(text: str, environment: str) -> str | None:
    """The default's name; None when the menu computes it in a way that is not known."""
    once = grubenv.get(environment, "next_entry")
    if once and "next_entry" in text:
        return once
    values = [m["value"] for m in _DEFAULT.finditer(text)]
    values = [v for v in values if "next_entry" not in v]
    if not values:
        return "0" if text else None
    named = _VARIABLE.fullmatch(values[-1])
    if named is not None:
        return grubenv.get(environment, named[1]) or "0"
    return None if "$" in values[-1] else values[-1] or "0"


def _names(rest: str) -> tuple[str, ...]:
    """Title and id of an entry."""
    words = [a or re.sub(r"\\(.)", r"\1", b) or c for a, b, c in _STRING.findall(rest)]
    ids = [after for word, after in itertools.pairwise(words) if word in _ID_OPTION]
    ids += [word.removeprefix("--id=") for word in words if word.startswith("--id=")]
    return (*words[:1], *ids)


def _find(menu: Sequence[Entry], chosen: str) -> str:
    """The kernel of an entry; a submenu stands for its own default, which is its first."""
    entry: Entry | None = None
    for name in re.split(r"(?<!>)>(?!>)", chosen):
        level = menu if entry is None else entry.below
        entry = _named(level, name.replace(">>", ">")) or next(iter(level), entry)
    while entry is not None and not entry.kernel and entry.below:
        entry = entry.below[0]
    return entry.kernel if entry is not None else ""


def _named(menu: Sequence[Entry], name: str) -> Entry | None:
    if name.isdecimal():
        return menu[int(name)] if int(name) < len(menu) else None
    return next((e for e in menu if name in e.names), None)
