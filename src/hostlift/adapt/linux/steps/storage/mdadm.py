# SPDX-License-Identifier: Apache-2.0
"""md: arrays that were migrated as plain partitions are no longer waited for."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.layout import Stacked
from hostlift.adapt.linux.bench import Bench, Step

_PATHS = ("/etc/mdadm/mdadm.conf", "/etc/mdadm.conf", "/etc/mdadm/conf.d/*.conf")
# An entry may go on in lines that begin with blanks.
_ARRAY = re.compile(r"(?mi)^ARRAY[ \t][^\n]*\n?(?:[ \t]+[^\n]*\n?)*")
_UUID = re.compile(r"(?i)\buuid=(\S+)")


def apply(bench: Bench, edit: Editor) -> None:
    """Switch off the arrays that do not exist on the target."""
    for pattern in _PATHS:
        for path in bench.glob(pattern):
            new = _ARRAY.sub(lambda m: _adapted(bench, m[0]), bench.text(path) or "")
            edit.write_text(path, new, "arrays that were migrated as plain partitions")


def _adapted(bench: Bench, entry: str) -> str:
    uuid = _UUID.search(entry)
    if uuid is not None and bench.layout.has_stacked(Stacked.ARRAY, uuid[1]):
        return entry
    bench.note(f"the array {entry.split()[1]} is a plain partition now")
    lines = entry.splitlines(keepends=True)
    return "".join(f"# hostlift, not on the target: {line.lstrip()}" for line in lines)


STEP = Step("mdadm", "Do not wait for arrays that are plain partitions now.", apply)
