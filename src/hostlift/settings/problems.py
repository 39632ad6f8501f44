# SPDX-License-Identifier: Apache-2.0
"""Turns what is wrong with user_config.json into sentences: key path, value, rule, remedy.

Values of secret keys are never shown; neither are whole objects.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from hostlift.errors import ConfigError

SECRET_KEYS = frozenset({"access_id", "secret_key", "proxy"})
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; ``key`` is the path of the key, ``data_disks[0].src_path``."""

    key: str
    text: str


def from_pydantic(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """All problems of a failed validation, one per key."""
    found: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        parts, fields, field = _walk(detail["loc"], model)
        key = _path(parts)
        if detail["type"] == "extra_forbidden":
            text = _unknown(str(parts[-1]), fields)
        elif detail["type"] == "missing":
            text = f"is missing; it must be {_rule(field)}"
        else:
            why = detail["msg"].removeprefix("Value error, ")
            own = detail["type"] == "value_error"
            shown = "the value" if SECRET_KEYS & {str(p) for p in parts} else show(detail["input"])
            text = f"{shown} {why if own else 'is not allowed'}; it must be {_rule(field)}"
        found.setdefault(key, Problem(key, text))
    return list(found.values())


def show(value: object) -> str:
    """A value as JSON, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def refuse(problems: Sequence[Problem], file: str) -> ConfigError:
    """One error that lists every problem."""
    if len(problems) == 1:
        return ConfigError(
            problems[0].text,
            subject=problems[0].key,
            hint=f"Mend this key in {file} (or give the matching option) and run the command"
            " again; nothing was changed.",
        )
    lines = "".join(f"\n  {p.key}: {p.text}" for p in problems)
    return ConfigError(
        f"{len(problems)} problems:{lines}",
        subject=file,
        hint="Mend each named key and run the command again; nothing was changed.",
    )


def _rule(field: FieldInfo | None) -> str:
    return (field.description if field else None) or "of another type"


def _path(parts: Sequence[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _walk(
    loc: Sequence[str | int], model: type[BaseModel]
) -> tuple[list[str | int], Mapping[str, FieldInfo], FieldInfo | None]:
    """The parts of an error's location that are keys, the fields at its level, and its field."""
    fields: Mapping[str, FieldInfo] = model.model_fields
    field: FieldInfo | None = None
    parts: list[str | int] = []
    for step in loc:
        if isinstance(step, int):
            parts.append(step)
            inner = _element_model(field)
            if inner is not None:
                fields = inner.model_fields
        elif step in fields:
            field = fields[step]
            parts.append(step)
        elif step == loc[-1] and "[" not in step:  # an unknown key; "tuple[str, ...]" is a branch
            field = None
            parts.append(step)
    return parts, fields, field


def _element_model(field: FieldInfo | None) -> type[BaseModel] | None:
    for inner in getattr(field.annotation, "__args__", ()) if field else ():
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return None


def _unknown(key: str, fields: Mapping[str, FieldInfo]) -> str:
    near = difflib.get_close_matches(key.lower(), list(fields), 1, 0.6)
    advice = f"did you mean {near[0]!r}?" if near else "remove it"
    return f"is not a known key; {advice} Known keys: {', '.join(fields)}"
