# SPDX-License-Identifier: Apache-2.0
"""The entries beside a receipt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from hostlift.errors import StateError, VerifyError
from hostlift.verify.entries import prove_entries, read_pieces, write_entries


def test_what_was_written_is_proved_by_its_digest(tmp_path: Path) -> None:
    """The digest is that of the bytes in the file; they come back in order."""
    file = tmp_path / "made" / "v.zst"
    digest = write_entries(file, [b"one", b"", b"two" * 200_000])
    assert digest == blake3(b"one" + b"two" * 200_000).hexdigest()
    prove_entries(file, digest)
    assert b"".join(read_pieces(file)) == b"one" + b"two" * 200_000
    assert [p.name for p in file.parent.iterdir()] == ["v.zst"]


def test_another_or_a_missing_file_is_named(tmp_path: Path) -> None:
    """One bit is enough."""
    file = tmp_path / "v.zst"
    digest = write_entries(file, [b"abc"])
    file.write_bytes(b"abb")
    with pytest.raises(VerifyError, match="not the file that was signed") as caught:
        prove_entries(file, digest)
    assert caught.value.subject == str(file)
    file.unlink()
    with pytest.raises(VerifyError, match="cannot be read"):
        prove_entries(file, digest)


def test_a_writer_that_dies_leaves_what_was_there(tmp_path: Path) -> None:
    """And its half does not disturb the next one."""

    def dying() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    file = tmp_path / "v.zst"
    digest = write_entries(file, [b"old"])
    with pytest.raises(KeyboardInterrupt):
        write_entries(file, dying())
    prove_entries(file, digest)
    prove_entries(file, write_entries(file, [b"new"]))


def test_a_folder_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be written"):
        write_entries(tmp_path / "file" / "v.zst", [])
