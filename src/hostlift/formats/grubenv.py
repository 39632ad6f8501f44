# SPDX-License-Identifier: Apache-2.0
"""GRUB's environment block: ``NAME=value`` lines in exactly 1024 octets, filled up with ``#``."""

from __future__ import annotations

SIZE = 1024
_HEAD = "# GRUB Environment Block\n"


def get(text: str, name: str) -> str | None:
    """A value; None when it is not set."""
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key == name:
            return value
    return None


def put(text: str, name: str, value: str) -> str | None:
    """The block with a value replaced; None when it does not fit, or it is not such a block."""
    if not text.startswith(_HEAD):
        return None
    lines = [line for line in text.splitlines() if line.strip("#") or line.startswith("# ")]
    new = [f"{name}={value}" if line.startswith(f"{name}=") else line for line in lines]
    block = "\n".join(new) + "\n"
    size = len(block.encode("utf-8", "surrogateescape"))
    return block + "#" * (SIZE - size) if size <= SIZE else None
