# SPDX-License-Identifier: Apache-2.0
"""crypttab: encrypted volumes are migrated decrypted; a line that asks for one would stop the boot."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_PATH = "/etc/crypttab"


def apply(bench: Bench, edit: Editor) -> None:
    """Switch off lines whose device does not exist on the target."""
    text = bench.text(_PATH)
    if text is None:
        return
    lines = text.splitlines(keepends=True)
    new = "".join(_adapted(bench, line) for line in lines)
    edit.write(_PATH, new.encode("utf-8", "surrogateescape"), "encrypted devices that are not here")


def _adapted(bench: Bench, line: str) -> str:
    words = line.split()
    if len(words) < 2 or line.lstrip().startswith("#") or bench.layout.knows(words[1]):  # noqa: PLR2004
        return line
    bench.note(f"the encrypted device {words[0]} ({words[1]}) is not on the target: switched off")
    return f"# hostlift, not on the target: {line}"


STEP = Step("crypttab", "Do not wait for encrypted devices that were not migrated.", apply)
