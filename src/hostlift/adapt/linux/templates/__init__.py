# SPDX-License-Identifier: Apache-2.0
"""Files that adaptations put into a copy."""

from __future__ import annotations

from importlib.resources import files


def template(name: str) -> bytes:
    """Content of a template."""
    return files(__name__).joinpath(name).read_bytes()
