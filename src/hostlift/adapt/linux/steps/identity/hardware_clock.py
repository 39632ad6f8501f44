# SPDX-License-Identifier: Apache-2.0
"""The hardware clock of ECS runs in UTC; a system that believes in local time starts hours off."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_WHY = "the hardware clock of ECS runs in UTC"
_ADJTIME = "/etc/adjtime"
# Before systemd each family had its own place.
_OLD = (
    ("/etc/sysconfig/clock", r"(?m)^(UTC=)[\"']?(?:false|no|0)[\"']?", r"\g<1>true"),
    ("/etc/sysconfig/clock", r"(?m)^(HWCLOCK=)[\"']?--localtime[\"']?", r'\g<1>"-u"'),
    ("/etc/default/rcS", r"(?m)^(UTC=)no\b", r"\g<1>yes"),
    ("/etc/conf.d/hwclock", r"(?m)^(clock=)[\"']?local[\"']?", r'\g<1>"UTC"'),
)


def apply(bench: Bench, edit: Editor) -> None:
    """Say UTC wherever local time is said."""
    text = bench.text(_ADJTIME)
    if text is not None and "LOCAL" in text.split():
        edit.write_text(_ADJTIME, re.sub(r"(?m)^LOCAL$", "UTC", text), _WHY)
    for path, old, new in _OLD:
        found = bench.text(path)
        if found is not None:
            edit.write_text(path, re.sub(old, new, found), _WHY)


STEP = Step("hardware-clock", "Read the hardware clock as UTC.", apply)
