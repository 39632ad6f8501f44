# SPDX-License-Identifier: Apache-2.0
"""AccessKeys of accounts and RAM users: made when first needed, kept in a file only the owner reads."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hostlift.errors import StateError
from hostlift.host.files import atomic_write
from hostlift.localcloud.config import MAIN, Settings

FILE = "credentials.json"
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An AccessKey, and the number of whom it belongs to: an account or a RAM user."""

    id: str
    access_key_id: str
    access_key_secret: str = field(repr=False)


Keyring = Mapping[str, KeyPair]
"""By owner: ``main``, or ``main/mover`` for a RAM user of it."""


def owners(settings: Settings) -> tuple[str, ...]:
    """Everybody who has a key."""
    accounts = settings.all_accounts
    users = (f"{a.name}/{u.name}" for a in accounts for u in a.users)
    return (*(a.name for a in accounts), *users)


def load_or_make(folder: Path, settings: Settings) -> Keyring:
    """The keys of everybody; who has none yet gets one.

    Raises:
        StateError: The file is there but cannot be used.
    """
    known = dict(load(folder)) if (folder / FILE).exists() else {}
    lacking = [owner for owner in owners(settings) if owner not in known]
    if lacking:
        known |= {owner: _new_pair(owner) for owner in lacking}
        text = json.dumps({o: asdict(k) for o, k in known.items()}, indent=2)
        atomic_write(folder / FILE, text.encode())
    return known


def load(folder: Path) -> Keyring:
    """The keys of a cloud that was up before.

    Raises:
        StateError: There are none, or they cannot be used.
    """
    path = folder / FILE
    try:
        found = {o: KeyPair(**k) for o, k in json.loads(path.read_text()).items()}
        for pair in found.values():
            int(pair.id)
        return {MAIN: found[MAIN], **found}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            f"the embedded cloud's keys cannot be read: {error}",
            subject=str(path),
            hint="Wipe the cloud with 'hostlift cloud reset', or put back a copy of the file.",
        ) from error


def _new_pair(owner: str) -> KeyPair:
    first = "2" if "/" in owner else "1"
    digits = "".join(secrets.choice(string.digits) for _ in range(15))
    return KeyPair(first + digits, "LTAI" + _word(20), _word(30))


def _word(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
