# SPDX-License-Identifier: Apache-2.0
"""Changing one number in a user's JSON file and nothing else: not a blank, not the order of keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hostlift.errors import ConfigError
from hostlift.settings import source

_FIRST_KEY = re.compile(r'\{(\s*)"')


def with_number(text: str, key: str, value: int) -> str:
    """``text``, a JSON object, with ``key`` at its top level set to ``value``.

    A key that is there keeps its place; a new one becomes the first. Only when the text is so
    unusual that this cannot be done safely is it laid out anew.

    Raises:
        ValueError: ``text`` is not a JSON object.
    """
    before = json.loads(text)
    if not isinstance(before, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what callers of a parser expect
    wanted = {**before, key: value}
    for candidate in _candidates(text, key, value):
        if json.loads(candidate) == wanted:
            return candidate
    return json.dumps(wanted, indent=4, ensure_ascii=False) + "\n"


def read_text(file: Path) -> str:
    """The user's file as it is, known to be valid JSON without double keys.

    Raises:
        ConfigError: It is missing, unreadable or not valid.
    """
    _, problems = source.read(file, needed=True)
    if problems:
        raise ConfigError(problems[0].text, subject=problems[0].key)
    return file.read_bytes().decode("utf-8-sig")


def _candidates(text: str, key: str, value: int) -> list[str]:
    named = re.compile(rf'("{re.escape(key)}"\s*:\s*)-?[0-9]+')
    found = [f"{text[: m.start()]}{m[1]}{value}{text[m.end() :]}" for m in named.finditer(text)]
    first = _FIRST_KEY.search(text)
    if first is not None:
        new = f'{first[1]}"{key}": {value},'
        found.append(f"{text[: first.start() + 1]}{new}{text[first.start() + 1 :]}")
    return found
