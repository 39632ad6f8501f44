# SPDX-License-Identifier: Apache-2.0
"""What the demo's server serves: the same content every time, and not only easy files."""

from __future__ import annotations

import os
import random
from pathlib import Path

PAGES = 300
FILES = 400
_MIB = 1 << 20


def fill_site(root: Path) -> None:
    """Write nginx' pages below ``root``."""
    chance = random.Random(1)
    site = root / "var/www/html"
    for number in range(PAGES):
        page = site / f"shelf-{number % 10}" / f"item-{number:03}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<title>Item {number}</title><p>{chance.randbytes(600).hex()}</p>\n")
    (site / "index.html").write_text("<title>shop01</title><h1>The shop is open</h1>\n")
    (site / "catalogue.bin").write_bytes(chance.randbytes(8 * _MIB))


def fill_data(root: Path) -> None:
    """Write the second disk's content into ``root``."""
    chance = random.Random(2)
    files = root / "files"
    for number in range(FILES):
        file = files / f"{number % 16:x}" / f"record-{number:04}.dat"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(chance.randrange(1, 40_000)))
    (root / "archive.bin").write_bytes(chance.randbytes(32 * _MIB))
    (root / "text.log").write_text("the same line again and again\n" * 400_000)
    _odd_ones(root / "odd")


def _odd_ones(odd: Path) -> None:
    odd.mkdir()
    for name in (
        b"with space",
        b"new\nline",
        b"caf\xc3\xa9",
        b"not-utf8-\xff\xfe",
        b"-dash",
        b"*?[",
        b"x" * 255,
    ):
        Path(os.fsdecode(os.fsencode(odd) + b"/" + name)).write_bytes(name)
    (odd / "one").write_text("three names\n")
    os.link(odd / "one", odd / "two")
    os.link(odd / "one", odd / "three")
    with (odd / "sparse").open("wb") as sparse:
        sparse.write(b"start")
        sparse.seek(60 * _MIB)
        sparse.write(b"end")
    (odd / "empty").touch()
    (odd / "relative").symlink_to("one")
    (odd / "dangling").symlink_to("/nowhere/at all")
    os.mkfifo(odd / "pipe")
    (odd / "sealed").write_text("nobody but root\n")
    (odd / "sealed").chmod(0o000)
    owned = odd / "owned"
    owned.write_text("someone else's\n")
    os.chown(owned, 12345, 54321)
    owned.chmod(0o6755)
    os.setxattr(owned, "user.colour", b"green\x00blue")
    os.utime(odd / "empty", ns=(1_234_567_890_123_456_789, 1_234_567_890_987_654_321))
