# SPDX-License-Identifier: Apache-2.0
"""Guest files keep every byte that is not meant to change."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import stat
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hostlift.adapt.formats import grubcfg, interfaces, shellvars
from hostlift.errors import FormatError
from hostlift.formats import cpio, fstab, initramfs
from hostlift.formats.cpio import Member

LINES = st.lists(
    st.sampled_from(
        [
            b"auto lo\n",
            b"iface eth0 inet dhcp\n",
            b"\taddress 1.2.3.4 \\\n",
            b"\n",
            b"# caf\xe9\n",
            b"UUID=1 / ext4 defaults 0 1\n",
            b"  /dev/sda1\t/x",
            b'LABEL="a\\040b" /my\\040data xfs ro\n',
            b"\r\n",
            b"x\x00y \n",
            b"mapping e*\n",
        ]
    ),
    max_size=12,
).map(b"".join)
FILES = st.one_of(LINES, st.binary(max_size=200))
VALUES = st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), max_size=30)


@given(data=FILES)
def test_unchanged_files_come_back_byte_for_byte(data: bytes) -> None:
    """fstab and interfaces: parse, then render, is nothing."""
    assert fstab.render(fstab.parse(data)) == data
    assert interfaces.render(interfaces.parse(data)) == data


@given(data=FILES, index=st.integers(0, 20))
def test_changing_an_fstab_line_changes_that_line_only(data: bytes, index: int) -> None:
    """The new spec is read back; the other lines and the other fields stay."""
    lines = fstab.parse(data)
    entries = [i for i, line in enumerate(lines) if line.is_entry]
    if not entries:
        return
    at = entries[index % len(entries)]
    new = [*lines]
    new[at] = lines[at].with_spec("UUID=new").with_options("nofail")
    again = fstab.parse(fstab.render(new))
    assert [x.text for x in again[:at]] == [x.text for x in lines[:at]]
    assert [x.text for x in again[at + 1 :]] == [x.text for x in lines[at + 1 :]]
    assert (again[at].spec, again[at].file) == ("UUID=new", lines[at].file)
    assert "nofail" in again[at].options
    assert set(lines[at].options) - {"defaults"} <= set(again[at].options)


@given(data=FILES, index=st.integers(0, 20), spec=st.text(min_size=1, max_size=20))
def test_an_fstab_spec_that_was_put_is_got(data: bytes, index: int, spec: str) -> None:
    """Blanks, quotes, backslashes and hashes in a name do not become other fields, or comments."""
    lines = fstab.entries(data)
    if not lines:
        return
    new = fstab.parse_line(lines[index % len(lines)].with_spec(spec).text)
    assert (new.spec, new.file) == (spec, lines[index % len(lines)].file)


@given(before=st.lists(VALUES, max_size=3), value=VALUES)
def test_a_shell_variable_that_was_put_is_got(before: list[str], value: str) -> None:
    """Whatever quotes, blanks and dollars it has; what stands around it stays."""
    text = "# a comment with A=1\n" + "".join(f"B={shellvars.quoted(b)}\n" for b in before)
    new = shellvars.put(text, "A", value)
    assert new.startswith(text)
    twice = shellvars.put(new, "A", value)
    if "$" not in value and "`" not in value:
        assert shellvars.get(new, "A") == value
        assert twice == new
        if before:
            changed = shellvars.put(new, "B", value)
            assert shellvars.get(changed, "B") == value
            assert shellvars.get(changed, "A") == value


@given(
    words=st.lists(st.sampled_from(["quiet", "ro", "console=tty0", "a=b"]), max_size=5),
    wanted=st.lists(st.sampled_from(["console=tty0", "x", "y"]), max_size=3, unique=True),
)
def test_kernel_arguments_are_added_once_and_none_is_lost(
    words: list[str], wanted: list[str]
) -> None:
    """Adding twice is adding once; order and number of the old ones stay."""
    line = grubcfg.with_arguments(" ".join(words), wanted)
    assert line.split()[: len(words)] == words
    assert set(wanted) <= set(line.split())
    assert grubcfg.with_arguments(line, wanted) == line


NAMES = st.text("abc/._-", min_size=1, max_size=12).map(lambda n: f"d/{n.strip('/')}x")
MEMBERS = st.lists(
    st.tuples(NAMES, st.binary(max_size=40), st.booleans()).map(
        lambda t: Member(
            t[0], (stat.S_IFLNK if t[2] and t[1] else stat.S_IFREG) | 0o644, len(t[1]), t[1]
        )
    ),
    max_size=6,
)


@given(members=MEMBERS, cuts=st.lists(st.integers(0, 2000), max_size=5))
def test_an_archive_in_pieces_is_the_same_archive(members: list[Member], cuts: list[int]) -> None:
    """What was written is read, however it arrives; what is not asked for is skipped."""
    data = cpio.write(members)
    reader = cpio.Reader(lambda name: True)
    edges = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        assert reader.feed(data[start:end]) == end - start
    assert reader.members == members
    bare = cpio.Reader()
    bare.feed(data)
    assert [(m.name, m.size) for m in bare.members] == [(m.name, m.size) for m in members]


def lz4_legacy(data: bytes) -> bytes:
    """The kernel's LZ4 format, literals only."""
    out = b"\x02\x21\x4c\x18"
    for start in range(0, len(data), 1 << 16):
        piece = data[start : start + (1 << 16)]
        length, rest = len(piece), len(piece) - 15
        head = bytes([min(length, 15) << 4])
        head += b"" if rest < 0 else b"\xff" * (rest // 255) + bytes([rest % 255])
        out += (len(head) + len(piece)).to_bytes(4, "little") + head + piece
    return out


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "lzma": lambda d: lzma.compress(d, format=lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4_legacy,
}


@pytest.mark.parametrize("packer", PACKERS)
@given(first=MEMBERS, second=MEMBERS, third=MEMBERS)
def test_concatenated_images_are_read_as_the_kernel_does(
    packer: str, first: list[Member], second: list[Member], third: list[Member]
) -> None:
    """Early microcode, the compressed main part, and what we append."""
    early = cpio.write(first)
    image = early + bytes(-len(early) % 512) + PACKERS[packer](cpio.write(second))
    image = initramfs.append(image, cpio.write(third))
    assert initramfs.members(image, lambda _: True) == [*first, *second, *third]


def test_lz4_matches_are_expanded() -> None:
    """Overlapping ones too: "ab" three and a half times."""
    archive = cpio.write([Member("f", stat.S_IFREG | 0o644, 7, b"abababa")])
    at = archive.index(b"abababa")
    head, tail = archive[: at + 2], archive[at + 7 :]
    extra = at + 2 - 15
    block = bytes([0xF1]) + b"\xff" * (extra // 255) + bytes([extra % 255]) + head + b"\x02\x00"
    rest = len(tail) - 15
    block += bytes([0xF0]) + b"\xff" * (rest // 255) + bytes([rest % 255]) + tail
    image = b"\x02\x21\x4c\x18" + len(block).to_bytes(4, "little") + block
    assert initramfs.members(image, lambda _: True)[0].data == b"abababa"


@given(data=st.binary(min_size=1, max_size=300))
def test_damaged_images_are_an_error_and_nothing_else(data: bytes) -> None:
    """Whatever the bytes are."""
    for start in (
        b"",
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"070701",
        b"\x02\x21\x4c\x18",
        b"\xfd7zXZ\0",
    ):
        try:
            initramfs.members(start + data)
        except FormatError:
            continue
