# SPDX-License-Identifier: Apache-2.0
"""The kernel command line a copy needs on ECS."""

from __future__ import annotations

from hostlift.adapt.formats.grubcfg import with_arguments, without_arguments
from hostlift.adapt.layout import Layout
from hostlift.adapt.linux.bench import Bench

STABLE_NAMES = ("net.ifnames=0", "biosdevname=0")
SCREEN = "console=tty0"
SERIAL = "console=ttyS0,115200n8"
_NO_RESUME = "noresume"


def adapted(bench: Bench, line: str) -> str:
    """A command line with what it lacks; only a ``resume=`` that leads nowhere is taken away."""
    return with_arguments(without_lost_resume(bench.layout, line), _wanted(bench, line))


def without_lost_resume(layout: Layout, line: str) -> str:
    """The line without a ``resume=`` from a swap area that does not exist on the target."""
    return without_arguments(
        line, lambda word: word.startswith("resume=") and not layout.knows(word[len("resume=") :])
    )


def _wanted(bench: Bench, line: str) -> list[str]:
    wanted = list(STABLE_NAMES)
    consoles = [w for w in line.split() if w.startswith("console=")]
    if not any(c.startswith("console=ttyS0") for c in consoles):
        # The last console is the one init talks to: the serial one, that the cloud records.
        wanted += [c for c in (SCREEN,) if c not in consoles] + [SERIAL]
    if _resumes_nowhere(bench):
        wanted.append(_NO_RESUME)
    return wanted


def _resumes_nowhere(bench: Bench) -> bool:
    """True when the initramfs was told of a swap area that is lost: it would wait for it."""
    text = bench.text(bench.family.resume_file) if bench.family.resume_file else None
    if text is None:
        return False
    targets = [x.partition("=")[2].strip() for x in text.splitlines() if x.startswith("RESUME=")]
    return any(t == "none" or not bench.layout.knows(t) for t in targets if t not in {"", "auto"})
