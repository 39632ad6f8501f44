# SPDX-License-Identifier: Apache-2.0
"""Raw values of the settings: the JSON file, command line options, environment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from hostlift.errors import ConfigError
from hostlift.settings.problems import Problem

_ID = "ALIBABA_CLOUD_ACCESS_KEY_ID"
_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"  # noqa: S105 - the name of a variable
_TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"  # noqa: S105 - the name of a variable
_LARGEST_FILE = 1 << 20
_DISK_FIELDS = 3


def read(file: Path, *, needed: bool) -> tuple[dict[str, object], list[Problem]]:
    """The file's object and its duplicate keys.

    Raises:
        ConfigError: The file is missing (when ``needed``), unreadable, not JSON, not an object.
    """
    text = _text(file, needed=needed)
    if text is None:
        return {}, []
    duplicates: list[Problem] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        keys = [k for k, _ in items]
        twice = sorted({k for k in keys if keys.count(k) > 1})
        duplicates.extend(
            Problem(k, f"is given {keys.count(k)} times; keep one of them") for k in twice
        )
        return dict(items)

    try:
        parsed = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _not_json(file, f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise _not_json(file, str(error)) from None
    if not isinstance(parsed, dict):
        raise _not_json(file, "the file must hold one object, { … }")
    _number_disks(parsed)
    return parsed, duplicates


def _text(file: Path, *, needed: bool) -> str | None:
    try:
        raw = file.read_bytes()
        return raw[: _LARGEST_FILE + 1].decode("utf-8-sig")
    except FileNotFoundError:
        if not needed:
            return None
        raise ConfigError(
            "does not exist",
            subject=str(file),
            hint='Run "hostlift init" for a template, or create it; the least it must hold is {"region_id": "cn-hangzhou",'
            ' "image_name": "web01"}, with a region and a name of yours.',
        ) from None
    except UnicodeDecodeError as error:
        raise _not_json(file, f"byte {error.start} is not UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", subject=str(file)) from error


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _not_json(file: Path, why: str) -> ConfigError:
    return ConfigError(
        f"is not valid JSON: {why}",
        subject=str(file),
        hint="Mend the file at the named place (often a missing comma or quote, or a comma after"
        " the last entry) and run the command again; nothing was changed.",
    )


def _number_disks(values: dict[str, object]) -> None:
    """Older files leave data_disk_index out: the position counts then."""
    disks = values.get("data_disks")
    for position, disk in enumerate(disks if isinstance(disks, list) else (), start=1):
        if isinstance(disk, dict):
            disk.setdefault("data_disk_index", position)


def coerce(
    given: Mapping[str, object], integers: frozenset[str]
) -> tuple[dict[str, object], list[Problem]]:
    """Command line values as the file would have them."""
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for key, value in given.items():
        if key == "data_disks" and isinstance(value, str):
            disks, more = parse_data_disks(value)
            values[key] = disks
            problems += more
        elif key in integers and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
            values[key] = int(value)
        else:
            values[key] = value
    return values, problems


def parse_data_disks(text: str) -> tuple[list[dict[str, object]], list[Problem]]:
    """The original's ``--datadisks=index|size|path;index|size|path``."""
    disks: list[dict[str, object]] = []
    problems: list[Problem] = []
    for part in (p for p in text.split(";") if p.strip()):
        fields = part.split("|", 2)
        numbers = [f.strip() for f in fields[:2]]
        if len(fields) != _DISK_FIELDS or not all(re.fullmatch(r"-?\d{1,9}", n) for n in numbers):
            wanted = "index|size|path, for example 1|100|/data;2|200|/srv"
            problems.append(Problem("data_disks", f"{part!r} is not of the form {wanted}"))
            continue
        index, size = (int(n) for n in numbers)
        disks.append({"data_disk_index": index, "data_disk_size": size, "src_path": fields[2]})
    return disks, problems


def fill_credentials(values: dict[str, object], environ: Mapping[str, str]) -> list[Problem]:
    """Take missing halves of the AccessKey pair from the environment, where they fit together.

    With a security token in the environment the pair there is temporary: the cloud's own
    credential chain takes all three, so nothing is filled in here.
    """
    env_id, env_secret = environ.get(_ID, ""), environ.get(_SECRET, "")
    if not environ.get(_TOKEN):
        own = values.get("access_id")
        if not own and env_id and (values.get("secret_key") or env_secret):
            values["access_id"] = own = env_id
        if not values.get("secret_key") and env_secret and own and env_id in ("", own):
            values["secret_key"] = env_secret
    have_id, have_secret = bool(values.get("access_id")), bool(values.get("secret_key"))
    if have_id == have_secret:
        return []
    missing = "secret_key" if have_id else "access_id"
    variable = _SECRET if have_id else _ID
    other = "access_id" if have_id else "secret_key"
    text = f"is empty but {other} is given; give both, set {variable}, or leave both empty"
    return [Problem(missing, text)]
