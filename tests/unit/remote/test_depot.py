# SPDX-License-Identifier: Apache-2.0
"""Archives on the instance: only a whole, announced, fitting one becomes current."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hostlift.remote.seed.depot import PATIENCE, Depot, Refused, Unpacked

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def _archive(change: Callable[[tarfile.TarFile], None] | None = None, **facts: object) -> bytes:
    manifest = {"format": 1, "python": VERSION, "machine": os.uname().machine, "module": "m"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        _add(tar, "manifest.json", json.dumps(manifest | facts).encode())
        _add(tar, "lib/pkg/__init__.py", b"x = 1\n")
        if change:
            change(tar)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, kind: bytes = tarfile.REGTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _install(depot: Depot, data: bytes, *, sha256: str = "", length: int = 0) -> Unpacked:
    digest = sha256 or hashlib.sha256(data).hexdigest()
    with depot.upload(digest, length or len(data)) as upload:
        upload.write(data[:100])
        upload.write(data[100:])
        return upload.install()


def _names(home: Path) -> list[str]:
    return sorted(p.name for p in (home / "agents").iterdir())


def test_an_installed_archive_is_current_for_the_next_process(tmp_path: Path) -> None:
    """It is unpacked below its digest and found again."""
    made = _install(Depot(tmp_path), _archive())
    found = Depot(tmp_path).current()
    assert found == made
    assert (made.folder / "lib/pkg/__init__.py").read_bytes() == b"x = 1\n"
    assert made.argv(["--flag"])[0] == sys.executable
    assert made.argv(["--flag"])[-2:] == ["m", "--flag"]


def test_the_same_archive_again_replaces_what_was_damaged(tmp_path: Path) -> None:
    """Uploading the current archive once more is harmless and repairs it."""
    depot = Depot(tmp_path)
    made = _install(depot, _archive())
    (made.folder / "lib/pkg/__init__.py").unlink()
    assert _install(depot, _archive()) == made
    assert (made.folder / "lib/pkg/__init__.py").exists()


def test_an_archive_that_is_not_what_was_announced_leaves_nothing(tmp_path: Path) -> None:
    """Wrong digest, too short, too long: refused, and the older archive stays current."""
    depot = Depot(tmp_path)
    old = _install(depot, _archive())
    data = _archive(lambda tar: _add(tar, "lib/new.py", b""))
    for arguments in (
        {"sha256": "0" * 64},
        {"length": len(data) + 1},
        {"length": len(data) - 1},
    ):
        with pytest.raises(Refused):
            _install(depot, data, **arguments)  # type: ignore[arg-type]
    assert depot.current() == old
    assert _names(tmp_path) == sorted(["current", old.sha256])


@pytest.mark.parametrize("name", ["../escape", "lib/../../escape", "/etc/escape", "lib//x", "./x"])
def test_a_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written outside the archive's own folder."""
    home = tmp_path / "home"
    with pytest.raises(Refused, match="holds"):
        _install(Depot(home), _archive(lambda tar: _add(tar, name, b"x")))
    assert [p.name for p in tmp_path.rglob("escape")] == []
    assert _names(home) == []


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_only_regular_files_are_unpacked(tmp_path: Path, kind: bytes) -> None:
    """Links and devices have no business in an archive."""
    with pytest.raises(Refused, match="holds"):
        _install(Depot(tmp_path), _archive(lambda tar: _add(tar, "lib/odd", b"", kind)))


@pytest.mark.parametrize("data", [b"not an archive at all", gzip.compress(b"not a tar" * 200)])
def test_bytes_that_are_no_archive_are_refused(tmp_path: Path, data: bytes) -> None:
    """The right digest of the wrong thing is still the wrong thing."""
    with pytest.raises(Refused):
        _install(Depot(tmp_path), data)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"machine": "vax"}, "agent.archive"),
        ({"format": 99}, "agent.archive"),
        ({"python": "3.999"}, "agent.python"),
    ],
)
def test_an_archive_that_cannot_run_here_is_refused(
    tmp_path: Path, facts: dict[str, object], code: str
) -> None:
    """Another architecture, another format, an interpreter that is not installed."""
    with pytest.raises(Refused) as refused:
        _install(Depot(tmp_path), _archive(**facts))
    assert refused.value.code == code
    assert Depot(tmp_path).current() is None


@pytest.mark.parametrize(
    ("digest", "length"), [("", 10), ("A" * 64, 10), ("0" * 64, 0), ("0" * 64, 1 << 40)]
)
def test_a_senseless_announcement_is_refused(tmp_path: Path, digest: str, length: int) -> None:
    """Digest and length are needed, and must be possible."""
    with pytest.raises(Refused):
        Depot(tmp_path).upload(digest, length)


def test_tidying_removes_leftovers_and_keeps_the_current_archive(tmp_path: Path) -> None:
    """What a kill left in the middle of an upload goes at the next start."""
    depot = Depot(tmp_path)
    made = _install(depot, _archive())
    agents = tmp_path / "agents"
    (agents / "abc.part").write_bytes(b"half")
    (agents / "abc.unpacking/lib").mkdir(parents=True)
    (agents / ("0" * 64)).mkdir()
    depot.tidy()
    assert _names(tmp_path) == sorted(["current", made.sha256])


def test_a_damaged_choice_is_no_choice(tmp_path: Path) -> None:
    """Whatever is in `current`, it never leads out of the folder and never fails."""
    depot = Depot(tmp_path)
    _install(depot, _archive())
    for content in (b"", b"../../etc", b"\xff\xfe", b"0" * 64):
        (tmp_path / "agents/current").write_bytes(content)
        assert depot.current() is None


def test_an_archive_that_never_comes_up_is_given_up_until_it_is_sent_again(tmp_path: Path) -> None:
    """After a few starts without a word, the bootstrap serves again; success forgets the count."""
    depot = Depot(tmp_path)
    _install(depot, _archive())
    assert [depot.starting() for _ in range(PATIENCE + 1)] == [True] * PATIENCE + [False]
    depot.running()
    assert depot.starting()
    _install(depot, _archive())
    assert [depot.starting() for _ in range(PATIENCE)] == [True] * PATIENCE
