# SPDX-License-Identifier: Apache-2.0
"""Which installed distributions the agent needs, and which of their files."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hostlift.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOTS = ("blake3", "lz4", "msgpack", "pydantic", "starlette", "uvicorn", "xxhash", "zstandard")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"\bextra\b")
_LEFT_OUT = frozenset(("__pycache__", "tests", "test", "testing"))
_USELESS = (".pyc", ".pyi", ".pth", ".c", ".h", ".pyx", "py.typed")
# Loads only where cffi is installed, and is half of the archive.
_NEVER_LOADED = re.compile(r"zstandard/_cffi\..*")


def distributions(roots: Iterable[str] = ROOTS) -> tuple[metadata.Distribution, ...]:
    """The closure of ``roots`` over their requirements, in order of name.

    A requirement under a condition (Python version, platform) counts when it is installed: the
    installer evaluated the condition. Optional extras never count.

    Raises:
        HostError: One is missing, so that this installation is broken.
    """
    found: dict[str, metadata.Distribution] = {}
    waiting = [(name, True) for name in roots]
    while waiting:
        name, needed = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            if needed:
                raise _broken(name, "is not installed") from error
            continue
        waiting += _requirements(found[key])
    return tuple(found[key] for key in sorted(found))


def _requirements(distribution: metadata.Distribution) -> Iterator[tuple[str, bool]]:
    """Name of each requirement, and whether it is unconditional."""
    for line in distribution.requires or ():
        requirement, _, condition = line.partition(";")
        name = _NAME.match(requirement.strip())
        if name and not _EXTRA.search(condition):
            yield name[0], not condition


def files_of(distribution: metadata.Distribution) -> Iterator[tuple[str, Path]]:
    """Name in the archive and path of each file the agent needs of a distribution.

    Raises:
        HostError: The installation keeps no list of files (some system packages).
    """
    if distribution.files is None:
        raise _broken(distribution.metadata["Name"], "keeps no list of its files")
    for file in distribution.files:
        if wanted(PurePosixPath(file)) and not _NEVER_LOADED.fullmatch(str(file)):
            yield str(file), Path(str(distribution.locate_file(file)))


def wanted(file: PurePosixPath) -> bool:
    """Whether a file can matter at run time; licences come along, scripts and tests do not."""
    parts = file.parts
    if file.is_absolute() or ".." in parts or _LEFT_OUT & set(parts[:-1]):
        return False
    if any(part.endswith(".dist-info") for part in parts[:1]):
        return file.name == "METADATA" or "licen" in str(file).lower()
    return not file.name.endswith(_USELESS)


def _broken(name: str, why: str) -> HostError:
    return HostError(
        why,
        subject=name,
        hint="Install hostlift with pip in a virtual environment, or use its bundle.",
    )
