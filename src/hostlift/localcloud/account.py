# SPDX-License-Identifier: Apache-2.0
"""The account's AccessKey: made at the first start, kept in a file only the owner reads."""

from __future__ import annotations

import json
import os
import secrets
import string
from pathlib import Path

from hostlift.errors import StateError
from hostlift.localcloud.wire.gate import Key
from hostlift.localcloud.world import Account

FILE = "credentials.json"
_LETTERS = string.ascii_letters + string.digits


def load_or_make(folder: Path) -> Account:
    """The account of a cloud.

    Raises:
        StateError: The file is there but cannot be used.
    """
    path = folder / FILE
    if not path.exists():
        _write(
            path,
            {
                "access_key_id": "LTAI" + _word(20),
                "access_key_secret": _word(30),
                "account_id": "1" + "".join(secrets.choice(string.digits) for _ in range(15)),
            },
        )
    return load(folder)


def load(folder: Path) -> Account:
    """The account of a cloud that was up before.

    Raises:
        StateError: There is none, or it cannot be used.
    """
    path = folder / FILE
    try:
        found = json.loads(path.read_text())
        key = Key(access_key_id=str(found["access_key_id"]), secret=str(found["access_key_secret"]))
        return Account(str(int(found["account_id"])), key)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"the embedded cloud's account cannot be read: {error}", subject=str(path)
        ) from error


def _word(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _write(path: Path, content: dict[str, str]) -> None:
    new = path.with_suffix(".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
