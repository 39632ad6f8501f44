# SPDX-License-Identifier: Apache-2.0
"""Many new files in one directory: the first is looked at closely, the others must not differ."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, Kind, Meta
from hostlift.replicate import ops
from hostlift.replicate.fs.content import digest_of
from hostlift.replicate.protocol import Trouble
from hostlift.replicate.receiving.arrival import Snag
from hostlift.replicate.receiving.target import Target

Put = Callable[..., Meta]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    fd = os.open(tmp_path, os.O_RDONLY)
    made = Target(fd, "t")
    yield made
    made.close()
    os.close(fd)


def put(target: Target, path: bytes, data: bytes = b"text", **more: object) -> Meta:
    """Send a file; what its metadata should be."""
    values: dict[str, object] = {"mode": 0o644, "uid": 0, "gid": 0, "mtime_ns": 1_700_000_000_000}
    meta = Meta(**(values | more))  # type: ignore[arg-type]
    entry = Entry(path=path, kind=Kind.FILE, meta=meta, size=len(data), content=digest_of(data))
    target.apply(ops.PutFile(entry.pack(), False, len(data), None, ()), memoryview(data))
    return meta


def look(path: Path) -> Meta:
    st = path.stat()
    names = os.listxattr(path)
    return Meta(
        mode=st.st_mode & 0o7777,
        uid=st.st_uid,
        gid=st.st_gid,
        mtime_ns=st.st_mtime_ns,
        xattrs=tuple((os.fsencode(n), os.getxattr(path, n)) for n in names),
    )


@pytest.mark.parametrize("umask", [0o022, 0o077, 0])
def test_every_mode_and_owner_is_kept(target: Target, tmp_path: Path, umask: int) -> None:
    """Whatever the process's umask is, and whichever file was the first."""
    old = os.umask(umask)
    try:
        wanted = {
            f"{index}": put(target, b"d/%d" % index, uid=uid, gid=gid, mode=mode)
            for index, (mode, uid, gid) in enumerate(
                [
                    (0o600, 0, 0),
                    (0o644, 0, 0),
                    (0o666, 0, 0),
                    (0o777, 1000, 1000),
                    (0o4755, 0, 0),
                    (0o4755, 1000, 0),
                    (0o2711, 0, 50),
                    (0, 0, 0),
                    (0o1644, 33, 33),
                ]
            )
        }
    finally:
        os.umask(old)
    assert {name: look(tmp_path / "d" / name) for name in wanted} == wanted


def test_a_directory_that_hands_its_group_down_does_not(target: Target, tmp_path: Path) -> None:
    """With set-group-id on the directory every new file would get its group."""
    (tmp_path / "d").mkdir()
    os.chown(tmp_path / "d", 0, 1234)
    (tmp_path / "d").chmod(0o2755)
    wanted = {name: put(target, b"d/" + name.encode(), gid=gid) for name, gid in GROUPS.items()}
    assert {name: look(tmp_path / "d" / name) for name in wanted} == wanted


GROUPS = {"a": 0, "b": 0, "c": 1234, "d": 77}


def test_more_than_a_plain_file_is_left_to_the_long_way(target: Target, tmp_path: Path) -> None:
    """Attributes, and times that not every file system can hold."""
    put(target, b"d/first")
    wanted = put(target, b"d/attributes", xattrs=((b"user.x", b"1"),))
    assert look(tmp_path / "d" / "attributes") == wanted
    early = put(target, b"d/early", mtime_ns=-5_000_000_000)
    assert look(tmp_path / "d" / "early") == early


def test_what_is_there_already_is_replaced(target: Target, tmp_path: Path) -> None:
    """A file, and a link that leads out: it goes, and what it leads to stays."""
    put(target, b"d/first")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "d" / "file").write_text("old")
    (tmp_path / "d" / "link").symlink_to(outside)
    for name in (b"file", b"link"):
        put(target, b"d/" + name, b"new")
        assert (tmp_path / "d" / os.fsdecode(name)).read_text() == "new"
    assert not (tmp_path / "d" / "link").is_symlink()
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("path", [b"d/..", b"d/.", b"d/", b"d/a\0b", b"../x", b"/etc/x", b""])
def test_a_path_that_leads_out_is_a_protocol_error(target: Target, path: bytes) -> None:
    """Also in a directory that is known by now."""
    put(target, b"d/first")
    with pytest.raises(ProtocolError):
        put(target, path)


def test_damaged_content_changes_nothing(target: Target, tmp_path: Path) -> None:
    """The digest is of the bytes that were read at the source."""
    put(target, b"d/first")
    meta = Meta(mode=0o644, uid=0, gid=0, mtime_ns=0)
    entry = Entry(path=b"d/bad", kind=Kind.FILE, meta=meta, size=4, content=digest_of(b"good"))
    with pytest.raises(Snag) as caught:
        target.apply(ops.PutFile(entry.pack(), False, 4, None, ()), memoryview(b"evil"))
    assert caught.value.trouble is Trouble.MISMATCH
    assert not (tmp_path / "d" / "bad").exists()
