# SPDX-License-Identifier: Apache-2.0
"""Kernel command lines where boot loaders keep them, edited where they stand.

Each pattern finds, in its kind of file, what comes before the arguments (``head``) and the arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Edit = Callable[[str], str]

GRUB = re.compile(
    r"(?m)^(?P<head>[ \t]*linux(?:16|efi)?[ \t]+\S+|[ \t]*set[ \t]+kernelopts=\"(?=root=))"
    r"(?P<arguments>[^\n\"]*(?:\"[^\n\"]*\"[^\n\"]*)*?)(?P<tail>\"?)$"
)
MENU_LST = re.compile(
    r"(?mi)^(?P<head>[ \t]*(?:kernel|module(?=[^\n]*[ \t]root=))[ \t]+(?:--\S+[ \t]+)*\S+|# kopt=)"
    r"(?P<arguments>[^\n]*)(?P<tail>)$"
)
ENTRY = re.compile(r"(?m)^(?P<head>options(?=[ \t]))(?P<arguments>[^\n]*)(?P<tail>)$")
EXTLINUX = re.compile(r"(?mi)^(?P<head>[ \t]*append(?=[ \t]))(?P<arguments>[^\n]*)(?P<tail>)$")


def edited(text: str, pattern: re.Pattern[str], edit: Edit) -> str:
    """The text with the arguments of every kernel put through ``edit``."""

    def replaced(match: re.Match[str]) -> str:
        arguments = match["arguments"]
        blank = arguments[: len(arguments) - len(arguments.lstrip())]
        if not blank and not match["head"].endswith(("=", '"')):
            blank = " "
        line = f"{match['head']}{blank}{edit(arguments.strip())}"
        return f"{line.rstrip()}{match['tail']}"

    return pattern.sub(replaced, text)


def roots(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """The ``root=`` of every kernel that names one."""
    for match in pattern.finditer(text):
        yield from roots_of(match["arguments"])


def roots_of(arguments: str) -> Iterator[str]:
    """The ``root=`` of one command line."""
    for word in arguments.split():
        if word.startswith("root="):
            yield word.removeprefix("root=").strip("\"'")
