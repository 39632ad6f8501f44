# SPDX-License-Identifier: Apache-2.0
"""Reading the wishes: the file, options of the command line, the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from hostlift.settings import source
from hostlift.settings.conflicts import conflicts, missing, unique
from hostlift.settings.problems import from_pydantic, refuse
from hostlift.settings.user_config import FILE_NAME, Settings

_GROUP_OR_WORLD = 0o077


def load(
    folder: Path,
    *,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    complete: bool = True,
) -> Settings:
    """Read the folder's file; options of the command line win, the environment fills gaps.

    Args:
        overrides: Values by key as given on the command line; None means not given. Numbers may
            be strings, ``data_disks`` may be ``index|size|path;index|size|path``.
        environ: Where ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET are looked up.
        complete: Demand the file, region_id and image_name (checks alone can do without).

    Raises:
        ConfigError: With every problem listed; no value of a secret is ever part of it.
    """
    file = folder / FILE_NAME
    given = {k: v for k, v in overrides.items() if v is not None}
    values, problems = source.read(file, needed=complete and not _sufficient(given))
    changed, more = source.coerce(given, _integers())
    values |= changed
    problems += more
    problems += source.fill_credentials(values, environ)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += from_pydantic(error, Settings)
        # Not chained: pydantic's error holds the input, and with it the secret key.
        raise refuse(unique(problems), str(file)) from None
    problems += missing(settings) if complete else []
    problems += conflicts(settings)
    if problems:
        raise refuse(unique(problems), str(file))
    return settings


def file_warnings(folder: Path) -> tuple[str, ...]:
    """What is unsafe, though it works: a file with secrets that others can read."""
    file = folder / FILE_NAME
    try:
        mode = file.stat().st_mode
        values, _ = source.read(file, needed=False)
    except OSError:
        return ()
    if not mode & _GROUP_OR_WORLD or not values.get("secret_key"):
        return ()
    text = (
        f"{file} holds the AccessKey secret and others can read it (mode {mode & 0o777:03o});"
        f" run: chmod 600 {file}"
    )
    return (text,)


def _integers() -> frozenset[str]:
    return frozenset(n for n, f in Settings.model_fields.items() if f.annotation is int)


def _sufficient(given: Mapping[str, object]) -> bool:
    return bool(given.get("region_id") and given.get("image_name"))
