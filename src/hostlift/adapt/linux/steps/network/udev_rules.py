# SPDX-License-Identifier: Apache-2.0
"""udev: rules that pin interface names to the cards of the old machine."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_FOLDER = "/etc/udev/rules.d"
_PINNING = re.compile(r"\d+-persistent-(?:net|cd)\.rules|\d+-persistent-net-generator\.rules")
_BY_ADDRESS = re.compile(r"(?m)^(?=[^#\n]*ATTRS?\{address\}==[^\n]*\bNAME[:+]?=)")
_OFF = "# hostlift, of the old machine: "


def apply(bench: Bench, edit: Editor) -> None:
    """Remove them: the card of ECS would become eth1."""
    for name in bench.names(_FOLDER):
        path = f"{_FOLDER}/{name}"
        # A link to /dev/null there switches the generator off, which is what we want.
        if _PINNING.fullmatch(name) and bench.tree.stat(path, follow=False).kind == "file":
            edit.remove(path, "it pins names to cards of the old machine")
        elif name.endswith(".rules") and (text := bench.text(path)):
            edit.write_text(path, _BY_ADDRESS.sub(_OFF, text), "it names cards of the old machine")


STEP = Step("udev-rules", "Forget the network cards of the old machine.", apply)
