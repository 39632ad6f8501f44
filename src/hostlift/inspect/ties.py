# SPDX-License-Identifier: Apache-2.0
"""What binds a server to its place: watchdogs, dongles, licence managers, mapped files that are written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from hostlift.inspect.guest import Guest
from hostlift.model.machine import Tie

DONGLES = {
    "0529": "HASP or Sentinel key (Thales)",
    "08e2": "Sentinel key (Thales)",
    "064f": "CmStick (WIBU)",
    "096e": "Rockey or Feitian key",
    "1bc0": "SenseLock key",
    "04b9": "SafeNet key",
}
"""USB vendor -> what such a device is."""
LICENCE_DAEMONS = {
    "lmgrd": "FlexNet: its licence names the host id, mostly a MAC address",
    "lmadmin": "FlexNet: its licence names the host id, mostly a MAC address",
    "aksusbd": "Sentinel LDK: a dongle, or a licence bound to the machine",
    "hasplmd": "Sentinel LDK: a dongle, or a licence bound to the machine",
    "CodeMeterLin": "CodeMeter: a dongle, or a licence bound to the machine",
    "rlm": "Reprise: its licence names the host id",
    "sesinetd": "SideFX: its licence names the host",
}
_HARDWARE = {"ttyUSB*": "a serial adapter", "nvidia[0-9]*": "an NVIDIA processor"}
_MAPPED = re.compile(r"^\S+ .w.s \S+ \S+ [1-9]\d* +(/.*)$", re.MULTILINE)
_NO_DATA = ("/dev/", "/memfd:", "/SYSV", "/run/", "/tmp/", "/proc/", "/sys/")  # noqa: S108
_MOST_PROCESSES = 2000
_MOST_MAPPED = 10


def ties(guest: Guest, proc: Path, sys: Path, *, live: bool) -> tuple[Tie, ...]:
    """Of a system that does not run: only what its files say."""
    found = [*_configured_watchdog(guest)]
    if live:
        found += [*_usb(sys), *_devices(guest), *_processes(proc)]
    return tuple(found)


def _configured_watchdog(guest: Guest) -> Iterator[Tie]:
    for path in ("/etc/watchdog.conf", "/etc/systemd/system.conf"):
        for line in guest.text(path).splitlines():
            name, _, value = line.partition("=")
            if name.strip() in {"watchdog-device", "RuntimeWatchdogSec"} and value.strip() not in {
                "",
                "0",
                "off",
            }:
                yield Tie(kind="watchdog", what=f"{path}: {line.strip()}")


def _usb(sys: Path) -> Iterator[Tie]:
    for file in sorted((sys / "bus/usb/devices").glob("*/idVendor")):
        try:
            vendor = file.read_text("ascii").strip()
        except OSError:
            continue
        if vendor in DONGLES:
            yield Tie(kind="dongle", what=f"{DONGLES[vendor]} at USB {file.parent.name}")


def _devices(guest: Guest) -> Iterator[Tie]:
    for pattern, what in _HARDWARE.items():
        for path in guest.glob(f"/dev/{pattern}"):
            yield Tie(kind="hardware", what=f"{path}: {what}")


def _processes(proc: Path) -> Iterator[Tie]:
    pids = sorted(int(n) for n in os.listdir(proc) if n.isdecimal())[:_MOST_PROCESSES]
    mapped = 0
    for pid in pids:
        folder = proc / str(pid)
        try:
            name = (folder / "comm").read_text("utf-8", "replace").strip()
            maps = (folder / "maps").read_text("utf-8", "replace")
        except OSError:
            continue
        if name in LICENCE_DAEMONS:
            yield Tie(kind="licence", what=f"{name} runs: {LICENCE_DAEMONS[name]}")
        files = [f for f in dict.fromkeys(_MAPPED.findall(maps)) if not f.startswith(_NO_DATA)]
        if files and mapped < _MOST_MAPPED:
            mapped += 1
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            yield Tie(kind="mapped-writer", what=f"{name} ({pid}) writes {files[0]}{more} by mmap")
