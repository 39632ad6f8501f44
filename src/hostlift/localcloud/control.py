# SPDX-License-Identifier: Apache-2.0
"""Asking a cloud that is up, as its owner: the other end of `hostlift.localcloud.serving.admin`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from hostlift.errors import ConfigError, HostError, StateError
from hostlift.localcloud import config, credentials
from hostlift.localcloud.config import AccountSettings, Settings, UserSettings
from hostlift.localcloud.credentials import KeyPair
from hostlift.localcloud.daemon import info, running
from hostlift.localcloud.faults.kinds import Fault
from hostlift.localcloud.ram.documents import Policy, read_policy
from hostlift.localcloud.ram.system import system_policy

_SECONDS = 60.0


def faults(folder: Path) -> dict[str, Any]:
    """How many calls were made, and what is armed with how often it struck."""
    found = _ask(folder, "faults")
    return dict(found)


def add_fault(folder: Path, fault: Fault) -> None:
    """Arm a fault."""
    _ask(folder, "faults/add", _dump(Fault, fault))


def read_fault(wishes: Mapping[str, object]) -> Fault:
    """A fault from its fields.

    Raises:
        ConfigError: One of them cannot be.
    """
    try:
        return TypeAdapter(Fault).validate_python(wishes)
    except ValidationError as error:
        raise ConfigError(
            f"not a fault: {error}",
            subject=str(wishes.get("kind", "")),
            hint="'hostlift cloud fault kinds' lists the kinds.",
        ) from error


def clear_faults(folder: Path) -> None:
    """Disarm all, and begin to count calls anew."""
    _ask(folder, "faults/clear")


def strike(folder: Path, kind: str, instance: str) -> str:
    """Kill or release an instance now; returns its id."""
    found = _ask(folder, "strike", json.dumps({"kind": kind, "instance": instance}).encode())
    return str(found["instance"])


def change_settings(folder: Path, settings: Settings) -> None:
    """Follow other settings from now on; a cloud that is down will when it is up."""
    if info(folder) is None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config.save(folder, settings)
        return
    _ask(folder, "settings", _dump(Settings, settings))


def put_user(folder: Path, account: str, name: str, policies: Sequence[str]) -> KeyPair:
    """Make a RAM user, or give it other policies: names of system policies or files of documents.

    Raises:
        ConfigError: A policy is none, or there is no such account.
    """
    read = tuple(_policy(p) for p in policies)
    others = [u for u in _account(folder, account).users if u.name != name]
    _change_users(folder, account, [*others, UserSettings(name=name, policies=read)])
    return key_of(folder, f"{account}/{name}")


def drop_user(folder: Path, account: str, name: str) -> None:
    """Drop a RAM user; gone already is fine."""
    _change_users(folder, account, [u for u in _account(folder, account).users if u.name != name])


def _policy(text: str) -> str | Policy:
    file = Path(text)
    return _known(text) if not file.is_file() else read_policy(file.read_bytes(), text)


def _known(name: str) -> str:
    system_policy(name)
    return name


def _account(folder: Path, name: str) -> AccountSettings:
    known = config.load(folder).all_accounts
    found = next((a for a in known if a.name == name), None)
    if found is None:
        raise ConfigError(
            "there is no such account",
            subject=name,
            hint=f"There are {', '.join(a.name for a in known)}.",
        )
    return found


def _change_users(folder: Path, account: str, users: Sequence[UserSettings]) -> None:
    settings = config.load(folder)
    changed = replace(_account(folder, account), users=tuple(users))
    others = [a for a in settings.accounts if a.name != account]
    change_settings(folder, replace(settings, accounts=(*others, changed)))


def key_of(folder: Path, owner: str) -> KeyPair:
    """The AccessKey of an account or of a RAM user (``main/mover``).

    Raises:
        StateError: There is none; a cloud makes keys when it is up.
    """
    known = credentials.load(folder)
    if owner not in known:
        raise StateError(
            "nobody of that name has a key",
            subject=owner,
            hint=f"There are {', '.join(known)}.",
        )
    return known[owner]


def sites(folder: Path) -> list[dict[str, Any]]:
    """The hosts on premises."""
    found: list[dict[str, Any]] = _ask(folder, "sites")
    return found


def join_site(folder: Path, vpc: str, namespace: str, address: str) -> str:
    """Connect a host on premises to a private network; returns the id of the link."""
    body = json.dumps({"vpc": vpc, "namespace": namespace, "address": address})
    return str(_ask(folder, "sites/join", body.encode())["id"])


def part_site(folder: Path, key: str) -> None:
    """Cut a link."""
    _ask(folder, "sites/part", json.dumps({"id": key}).encode())


def _dump(kind: Any, value: object) -> bytes:
    return TypeAdapter(kind).dump_json(value, exclude_defaults=True)


def _ask(folder: Path, verb: str, body: bytes = b"{}") -> Any:
    where = running(folder)
    if where is None:
        raise StateError(
            "the cloud is down", subject=str(folder), hint="Start it with 'hostlift cloud up'."
        )
    connection = HTTPConnection(urlsplit(where["endpoint"]).netloc, timeout=_SECONDS)
    try:
        headers = {"Authorization": f"Bearer {where['token']}"}
        connection.request("POST", f"/admin/{verb}", body, headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        raise HostError(f"the cloud does not answer: {error}", subject=str(folder)) from error
    finally:
        connection.close()
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
        raise ConfigError(found["message"], subject=found["subject"], hint=found["hint"])
    return found
