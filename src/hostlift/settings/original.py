# SPDX-License-Identifier: Apache-2.0
"""What a client_data of the original tool wishes about the network, for keys nobody gave.

Its users wrote network mode, network ids and proxy there: up to 1.4 at the top of the file, from
1.5.0 on below ``extra.net`` and ``transition``. As our own client_data takes the file's place, the
original's is kept as ``client_data.original``: a rerun must find the same wishes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hostlift.settings import source
from hostlift.settings.folder import Workspace

_OURS = "migration"
"""A key that only our client_data has."""
_LARGEST_FILE = 1 << 20
_IDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("vpc_id", ("transition", "vpc", "vpc_id"), ("vpc", "vpc_id")),
    ("vswitch_id", ("transition", "vswitch", "vswitch_id"), ("vswitch", "vswitch_id")),
    (
        "security_group_id",
        ("transition", "security_group", "security_group_id"),
        ("securegroupid",),
    ),
)
"""Key of ours, where it stands from 1.5.0 on, where it stood before."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """Values by key of user_config.json, and what to tell the user; no note holds a login."""

    values: Mapping[str, object]
    notes: tuple[str, ...]


def inherited(folder: Path, given: Mapping[str, object]) -> Inherited:
    """The wishes of an original's client_data that neither the file nor the command line has.

    Args:
        given: Options of the command line by key; None means not given.

    Raises:
        ConfigError: user_config.json cannot be understood.
    """
    workspace = Workspace(folder)
    found = _read(workspace.client_data) or _read(workspace.original_data)
    if not found:
        return Inherited({}, ())
    file, _ = source.read(workspace.user_config, needed=False)
    said = set(file) | {key for key, value in given.items() if value is not None}
    values = {} if "net_mode" in said else _mode(found, said)
    notes = [f"{key} {value} is taken over from client_data" for key, value in values.items()]
    proxy = "" if "proxy" in said else _proxy(found)
    if proxy:
        values["proxy"] = proxy
        notes.append(f"proxy {proxy.rpartition('@')[2]} is taken over from client_data")
    return Inherited(values, tuple(f"{n}; user_config.json may say otherwise" for n in notes))


def original_of(folder: Path) -> bytes:
    """The content of client_data if the original tool wrote it; else empty."""
    file = Workspace(folder).client_data
    return file.read_bytes() if _read(file) else b""


def _read(file: Path) -> dict[str, object]:
    """The object of an original's file; empty for ours, a missing or a broken one."""
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(_LARGEST_FILE).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and _OURS not in found else {}


def _mode(found: dict[str, object], said: set[str]) -> dict[str, object]:
    """Network mode and, unless the user named a network, the one that belongs to it.

    In mode 0 the ids are of what the original made and may have deleted since.
    """
    word = _at(found, "extra", "net", "net_mode") or _at(found, "net_mode")
    if not word.isdecimal() or not int(word):
        return {}
    values: dict[str, object] = {"net_mode": int(word)}
    if said.isdisjoint(key for key, _, _ in _IDS):
        ids = {key: _at(found, *new) or _at(found, *old) for key, new, old in _IDS}
        values |= {key: value for key, value in ids.items() if value}
    return values


def _proxy(found: dict[str, object]) -> str:
    where = _at(found, "extra", "net", "proxy", "ip_port").removeprefix("http://")
    user, colon, password = _at(found, "extra", "net", "proxy", "user_pwd").partition(":")
    if not where or not user:
        return where
    return f"http://{quote(user, safe='')}{colon}{quote(password, safe='')}@{where}"


def _at(found: object, *path: str) -> str:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
