# SPDX-License-Identifier: Apache-2.0
"""What the booted copy says on its serial console, and what it means when it says nothing.

The beacon is a block of lines that a small unit in the copy prints once the system is up:

    hostlift-beacon <token> begin
    hostlift-beacon <token> <key>=<value>
    hostlift-beacon <token> end

Every line repeats the token, so kernel messages before, between and inside them, carriage returns,
colours and earlier boots on the same console do no harm. Keys that are judged: ``hostname``,
``mounts``, ``failed``, ``listening``, and, where the source's baseline tells of them, ``users`` (those
with a login shell), ``packages`` (counts) and ``route`` (the default one; empty: there is none).
Lists are repeated keys, or words with blanks or commas between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hostlift.formats.names import unescaped
from hostlift.model.baseline import Baseline, Section
from hostlift.model.plan import MigrationPlan

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_END = re.compile(r"[\r\n]+")
_FACT = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.DOTALL)
_NO_SHELLS = {"nologin", "false", "true", "sync", "shutdown", "halt"}
_PRINTK = re.compile(r"\[ *\d+\.\d{6}\] [^\r\n]*(?:\r?\n|\r)?")
"""A kernel message with its line end; what it cut in two belongs together again without it."""


def read_beacon(console: str, token: str) -> dict[str, str] | None:
    """The facts of the last complete beacon; None while there is none.

    Args:
        token: The token of this migration; beacons of others are not ours.
    """
    if not token:
        return None
    complete: dict[str, str] | None = None
    facts: dict[str, str] | None = None
    whole = _PRINTK.sub("", _ANSI.sub("", console))
    for said in _sayings(whole, token):
        if said == "begin":
            facts = {}
        elif said == "end":
            complete, facts = (facts if facts is not None else complete), None
        elif facts is not None:
            _note(facts, said)
    return complete


def _lines(console: str) -> list[str]:
    return _LINE_END.split(_ANSI.sub("", console))


def _sayings(text: str, token: str) -> list[str]:
    """What follows the beacon's prefix, each up to the line's end or the next prefix."""
    prefix = re.compile(rf"hostlift-beacon[ \t]+{re.escape(token)}[ \t]+", re.IGNORECASE)
    return [_LINE_END.split(part, maxsplit=1)[0].strip() for part in prefix.split(text)[1:]]


def _note(facts: dict[str, str], said: str) -> None:
    match = _FACT.fullmatch(said)
    if match is None:
        return
    key, value = match[1], match[2].strip()
    facts[key] = f"{facts[key]} {value}" if facts.get(key) else value


def judge(
    facts: Mapping[str, str], plan: MigrationPlan, source: Baseline | None = None
) -> list[str]:
    """What the booted copy lacks of what the source had, in sentences; empty: nothing.

    Args:
        source: What was seen of the source; what it does not know is not compared.
    """
    problems: list[str] = []
    name = facts.get("hostname", "")
    if plan.hostname and _short(name) != _short(plan.hostname):
        problems.append(f"the host name is {name or 'unknown'}, it was {plan.hostname}")
    mounted = {unescaped(word) for word in _words(facts, "mounts")}
    wanted = [v.mount_point for v in plan.volumes]
    problems += [f"{m} is not mounted" for m in wanted if m not in mounted]
    failed_before = source.sections.get(Section.FAILED, {}) if source is not None else {}
    problems += [f"the unit {u} failed" for u in _words(facts, "failed") if u not in failed_before]
    ports = {word.rpartition(":")[2] for word in _words(facts, "listening")}
    problems += [
        f"nothing listens on port {port}" for port in plan.listening if str(port) not in ports
    ]
    return [*problems, *(_compared(facts, source.sections) if source is not None else ())]


def _compared(
    facts: Mapping[str, str], before: Mapping[Section, Mapping[str, str]]
) -> Iterator[str]:
    """Counts, and the way out: addresses change, that there is a default route does not."""
    counts = {
        "users": ("users with a login shell", _logins(before.get(Section.USERS, {}))),
        "packages": ("installed packages", len(before.get(Section.PACKAGES, {}))),
    }
    for key, (what, count) in counts.items():
        now = facts.get(key, "")
        if count and now.isdecimal() and int(now) != count:
            yield f"there are {now} {what}, there were {count}"
    if facts.get("route") == "" and "default" in before.get(Section.ROUTES, {}):
        yield "there is no default route"


def _logins(users: Mapping[str, str]) -> int:
    """As the beacon counts: an empty shell is the usual one."""
    shells = (told.rpartition(" ")[2].rpartition("/") for told in users.values())
    return sum(not (slash and name in _NO_SHELLS) for _, slash, name in shells)


def _short(name: str) -> str:
    return name.partition(".")[0].lower()


def _words(facts: Mapping[str, str], key: str) -> list[str]:
    return [w for w in re.split(r"[\s,]+", facts.get(key, "")) if w]


@dataclass(frozen=True, slots=True)
class _Sign:
    """Words on the console that mean that this boot goes no further."""

    pattern: re.Pattern[str]
    meaning: str


def _sign(pattern: str, meaning: str) -> _Sign:
    return _Sign(re.compile(pattern, re.IGNORECASE), meaning)


_SIGNS = (
    _sign(
        r"kernel panic.*unable to mount root fs.*",
        "the kernel cannot read the root file system: the initramfs is missing, or holds no"
        " virtio driver",
    ),
    _sign(r"kernel panic.*no (working )?init found.*", "the root file system holds no init"),
    _sign(r"kernel panic.*", "the kernel gave up"),
    _sign(
        r"alert!.*does not exist.*",
        "the initramfs does not find the root file system: a driver is missing, or root= names"
        " another device",
    ),
    _sign(
        r"dracut-initqueue.*timeout.*|warning: /dev/\S+ does not exist.*",
        "the initramfs (dracut) does not find a device the system needs",
    ),
    _sign(
        r".*emergency mode.*|.*give root password for maintenance.*",
        "the system stopped in emergency mode: most often a line of fstab names a file system that"
        " is not there",
    ),
    _sign(r"grub rescue>.*", "GRUB does not find its own files on the disk"),
    _sign(r"^\s*grub>.*", "GRUB started but found no configuration (grub.cfg)"),
    _sign(
        r"no bootable device.*|.*not a bootable disk.*|(missing )?operating system( not found)?$",
        "the firmware found no boot loader on the system disk",
    ),
)


def panic(console: str) -> str:
    """The sentence for a boot that ended before the beacon; empty when there is no such sign.

    Asking again after more output may turn an empty answer into a sentence, and a reboot that
    succeeds shows a beacon: ask `read_beacon` first.
    """
    lines = _lines(console)
    for sign in _SIGNS:
        for line in reversed(lines):
            match = sign.pattern.search(line)
            if match:
                return f"the copy does not boot: {sign.meaning} (console: {match[0].strip()!r})"
    return ""
