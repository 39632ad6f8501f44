# SPDX-License-Identifier: Apache-2.0
"""The trees that are copied. Each is made once, by a recipe, and kept in the scratch folder."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.disks import Disks, Size
from hostlift.errors import HostError
from hostlift.host.command import SystemCommands

MIB = 1 << 20
GIB = 1 << 30
_VERSION = 1
_FILES_PER_FOLDER = 250
_FOLDERS_PER_FOLDER = 100
_COPY_SECONDS = 3600.0
SPARSE_RUN = 8 * MIB
_ROOT_BYTES = 2 * GIB
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make.

    Attributes:
        kind: A key of `KINDS`.
        count: Files, or bytes for the kinds that are measured in bytes.
    """

    kind: str
    count: int

    @property
    def name(self) -> str:
        """For file names; another recipe has another one."""
        return f"{self.kind}-{self.count}-v{_VERSION}"

    @property
    def size(self) -> Size:
        """The file system it needs, with room for one more of it all being replaced."""
        return KINDS[self.kind].size(self.count)

    @property
    def about(self) -> str:
        """What it is, for a reader of the figures."""
        return KINDS[self.kind].about.format(count=self.count)


@dataclass(frozen=True, slots=True)
class _Kind:
    about: str
    count: int
    size: Callable[[int], Size]
    make: Callable[[Path, int], None]


def recipe(kind: str, count: int = 0) -> Recipe:
    """The usual recipe of a kind, or a smaller or larger one."""
    return Recipe(kind, count or KINDS[kind].count)


def source_image(wanted: Recipe, disks: Disks) -> Path:
    """The image of a workload; made now when it is not there yet."""
    image = disks.folder / f"source-{wanted.name}.img"
    if image.exists():
        return image
    unfinished = disks.image(f"unfinished-{wanted.name}", wanted.size, written=False)
    disks.make_ext4(unfinished, wanted.size)
    with disks.mounted(unfinished, disks.folder / "mnt" / "making") as root:
        KINDS[wanted.kind].make(root, wanted.count)
        os.sync()
    unfinished.rename(image)
    return image


class Text:
    """Words that compress about as source code does; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgk"
        weights = range(len(letters), 0, -1)
        words = [
            "".join(self._random.choices(letters, weights, k=self._random.randint(2, 10)))
            for _ in range(20_000)
        ]
        picked = (self._random.choice(words) for _ in range(700_000))
        self._corpus = " ".join(picked).encode()

    def take(self, size: int) -> bytes:
        """Some of it, hardly ever the same twice."""
        at = self._random.randrange(len(self._corpus) - size)
        return self._corpus[at : at + size]

    def number(self, low: int, high: int) -> int:
        """A number from the same seed, both ends included."""
        return self._random.randint(low, high)


def folder_of(index: int) -> str:
    """Where the file with this number is; two levels, so that no folder is huge."""
    folder = index // _FILES_PER_FOLDER
    return f"{folder // _FOLDERS_PER_FOLDER:04d}/{folder % _FOLDERS_PER_FOLDER:02d}"


def _make_small(root: Path, count: int) -> None:
    text = Text(1)
    _many(root, count, lambda: text.take(text.number(1024, 8192)))


def _make_many(root: Path, count: int) -> None:
    text = Text(2)
    _many(root, count, lambda: b"" if text.number(1, 10) > 1 else text.take(text.number(1, 512)))


def _many(root: Path, count: int, content: Callable[[], bytes]) -> None:
    for index in range(count):
        folder = root / folder_of(index)
        if index % _FILES_PER_FOLDER == 0:
            folder.mkdir(parents=True)
        write(f"{folder}/{index:08d}.txt", content())


def _make_flat(root: Path, count: int) -> None:
    (root / "flat").mkdir()
    for index in range(count):
        write(f"{root}/flat/{index:08d}", b"")


def write(path: str, data: bytes) -> None:
    """A new file, without the costs of a file object."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        if data:
            os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _make_sparse(root: Path, count: int) -> None:
    """Runs of random data and holes of the same length, in turn."""
    with (root / "half-random").open("wb") as file:
        file.truncate(count)
        for at in range(0, count, 2 * SPARSE_RUN):
            file.seek(at)
            file.write(os.urandom(min(SPARSE_RUN, count - at)))


def _make_root(root: Path, count: int) -> None:
    """Folders of this machine's /usr, picked by a hash of their names until ``count`` bytes."""
    commands = SystemCommands()
    total = int(commands.run(["du", "-sxB1", "/usr"], timeout=600).text.split()[0])
    share = _PERCENT * _PERCENT * count // total
    picked: list[bytes] = []
    for folder, _, files in os.walk(b"/usr"):
        if zlib.crc32(folder) % (_PERCENT * _PERCENT) < share:
            inside = folder.removeprefix(b"/usr").lstrip(b"/")
            picked.extend(os.path.normpath(b"/".join((inside or b".", name))) for name in files)
            picked.append(inside or b".")
    if not picked:
        raise HostError("nothing of it would be copied", subject="/usr")
    argv = ["rsync", "-aHAX", "--numeric-ids", "--from0", "--files-from=-", "/usr", str(root)]
    commands.run(argv, timeout=_COPY_SECONDS, stdin=b"\0".join(picked))


def _roomy(count: int, *, per_file: int) -> Size:
    """Room for twice the content, and for the inodes: ext4 has at most one for each 4 KiB."""
    inodes = count + count // 50 + 2_000
    return Size(_whole(max(count * per_file * 2, inodes * 4400) + count * 256 + 64 * MIB), inodes)


def _whole(size: int) -> int:
    return -(-size // (64 * MIB)) * (64 * MIB)


KINDS = {
    "root": _Kind(
        "a copy of folders of this machine's /usr, {count} bytes",
        _ROOT_BYTES,
        lambda count: Size(_whole(count * 2 + GIB), 400_000),
        _make_root,
    ),
    "small": _Kind(
        "{count} files of 1 to 8 KiB of text, 250 in a folder",
        200_000,
        lambda count: _roomy(count, per_file=6 << 10),
        _make_small,
    ),
    "sparse": _Kind(
        "one file of {count} bytes, every other 8 MiB random, the rest holes",
        4 * GIB,
        lambda count: Size(_whole(count + count // 2 + 256 * MIB), 1000),
        _make_sparse,
    ),
    "hundredk": _Kind(
        "{count} files, nine of ten empty, the others up to 512 bytes, 250 in a folder",
        100_000,
        lambda count: _roomy(count, per_file=800),
        _make_many,
    ),
    "million": _Kind(
        "{count} files, nine of ten empty, the others up to 512 bytes, 250 in a folder",
        1_000_000,
        lambda count: _roomy(count, per_file=800),
        _make_many,
    ),
    "flat": _Kind(
        "{count} empty files in one folder",
        2_000_000,
        lambda count: _roomy(count, per_file=400),
        _make_flat,
    ),
}
