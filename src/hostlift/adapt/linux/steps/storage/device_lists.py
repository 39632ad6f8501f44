# SPDX-License-Identifier: Apache-2.0
"""Tools that were told of disks by name: monitoring, tuning, automatic mounts, raw devices."""

from __future__ import annotations

import re
from collections.abc import Callable

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats.devices import OLD_DEVICE
from hostlift.adapt.linux.bench import Bench, Step

_OFF = "# hostlift, of the old machine: "
_GRUB_DEVICES = re.compile(
    r"(?m)^(Name: grub-pc/install_devices\n(?:[A-Z][^\n]*\n)*?Value:[ ]?)(\S[^\n]*)$"
)
_NEW = ("/dev/vda", "/dev/nvme0n1")
"""The system disk on ECS, by the kind of instance."""
_BLOCK_START = re.compile(r"^[ \t]*/dev/[^{\n]*\{")


def _lines(text: str) -> str:
    """Lines that begin with an old device."""
    return _each(text, lambda line: OLD_DEVICE.match(line.lstrip()) is not None)


def _mounts(text: str) -> str:
    """Entries of an automounter map for a local device: ``data -fstype=ext4 :/dev/sdb1``."""
    return _each(text, lambda line: re.search(r"[ \t]:/dev/", line) is not None)


def _raw(text: str) -> str:
    """Raw device bindings: ``/dev/raw/raw1 /dev/sdb1``."""
    return _each(text, lambda line: line.lstrip().startswith("/dev/raw"))


def _blocks(text: str) -> str:
    """Hdparm's blocks: ``/dev/sda { … }``."""
    inside = False

    def old(line: str) -> bool:
        nonlocal inside
        here = inside or bool(_BLOCK_START.match(line) and OLD_DEVICE.search(line))
        inside = here and "}" not in line
        return here

    return _each(text, old)


def _grub_devices(text: str) -> str:
    """Debconf's answer to where a new GRUB goes: an upgrade stops at a disk that is not there."""
    return _GRUB_DEVICES.sub(lambda m: m[0] if m[2] in _NEW else f"{m[1]}{_NEW[0]}", text)


_FILES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("/etc/smartd.conf", _lines),
    ("/etc/smartmontools/smartd.conf", _lines),
    ("/etc/hdparm.conf", _blocks),
    ("/etc/auto.*", _mounts),
    ("/etc/autofs/auto.*", _mounts),
    ("/var/cache/debconf/config.dat", _grub_devices),
    ("/etc/sysconfig/rawdevices", _raw),
    ("/etc/raw", _raw),
)


def apply(bench: Bench, edit: Editor) -> None:
    """Switch off what names an old disk."""
    for pattern, adapted in _FILES:
        for path in bench.glob(pattern):
            text = bench.text(path)
            new = adapted(text) if text is not None else None
            if new is not None and new != text:
                edit.write_text(path, new, "it names disks of the old machine")
                bench.note(f"{path} named disks of the old machine and was changed")


def _each(text: str, old: Callable[[str], bool]) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(
        f"{_OFF}{line}" if not line.lstrip().startswith("#") and old(line) else line
        for line in lines
    )


STEP = Step("device-lists", "No tool waits for the old machine's disks by name.", apply)
