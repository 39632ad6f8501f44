# SPDX-License-Identifier: Apache-2.0
"""``hostlift verify`` on real disks: what is equal, what differs and is named, what is recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from fakes.proved import Proved, a_copy_of, opened_image, proved
from typer.testing import CliRunner

from hostlift.cli.main import app
from hostlift.host.command import SystemCommands
from hostlift.host.mounts import mount_table
from hostlift.model.adaptation import Edit, EditKind

pytestmark = pytest.mark.root

MIB = 1 << 20
INITRD = b"i" * (2 * MIB)
"""More than a chunk: its digest among the entries is not the one in the edits."""


def an_edit(path: str, kind: EditKind, after: bytes | None) -> Edit:
    said = "" if after is None else blake3(after).hexdigest()
    return Edit(adaptation="test", kind=kind, path=path, why="a test", after=said, diff="- secret")


EDITS = (
    an_edit("/etc/fstab", EditKind.CHANGED, b"# for ECS\n"),
    an_edit("/etc/beacon", EditKind.CREATED, b"beacon\n"),
    an_edit("/etc/link", EditKind.REMOVED, None),
    an_edit("/etc/initrd", EditKind.CHANGED, INITRD),
    an_edit("/dev/disk/by-id/virtio-0", EditKind.BOOT_CODE, b"grub"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proved]:
    """Not to be changed."""
    with proved(tmp_path_factory.mktemp("proved"), EDITS) as it:
        yield it


@pytest.fixture
def spoiled(whole: Proved, tmp_path: Path) -> Proved:
    """To be changed."""
    return a_copy_of(whole, tmp_path / "spoiled")


def run(it: Proved, *arguments: str) -> tuple[int, list[str]]:
    """The program's exit status and lines."""
    done = CliRunner().invoke(app, ["verify", "--receipt", str(it.receipt), *arguments])
    return done.exit_code, done.stdout.splitlines()


def images(*files: Path) -> list[str]:
    return [word for file in files for word in ("--image", str(file))]


def found(it: Proved, *arguments: str) -> dict[str, str]:
    """What a failing check lists: kind by path."""
    status, lines = run(it, "--json", *arguments)
    told = json.loads("\n".join(lines))
    assert (status, told["ok"]) == (1, False)
    return {d["path"]: d["kind"] for v in told["volumes"] for d in v["open"]}


def test_the_receipt_is_whole_in_itself(whole: Proved) -> None:
    """Signature, entries, roots: without anything to compare with."""
    status, lines = run(whole)
    assert (status, lines[-1]) == (0, "OK")
    assert "secret" not in whole.receipt.read_text()
    assert sorted(p.name for p in whole.receipt.parent.iterdir()) == [
        "m-1.baseline.json",
        "m-1.data.entries.zst",
        "m-1.json",
        "m-1.json.pub",
        "m-1.json.sig",
        "m-1.root.entries.zst",
    ]


def test_the_source_is_equal_and_its_excluded_paths_do_not_count(whole: Proved) -> None:
    """Merged file systems, hidden files and an excluded first name included."""
    status, lines = run(whole, "--root", str(whole.source))
    assert (status, lines[-1]) == (0, "OK"), lines


def test_what_changed_at_the_source_since_is_named(whole: Proved) -> None:
    """In every volume and in the merged file system; an excluded path may change."""
    changed = (
        whole.source / "srv/merged/file",
        whole.source / "data/rows",
        whole.source / "etc/hostname",
    )
    before = [(p, p.read_bytes(), os.stat(p)) for p in changed]
    for path in changed:
        path.write_bytes(b"changed")
    (whole.source / "tmp/left-out").write_text("changed too")
    try:
        assert found(whole, "--root", str(whole.source)) == {
            "etc/hostname": "content",
            "srv/merged/file": "content",
            "rows": "content",
        }
    finally:
        for path, data, st in before:
            path.write_bytes(data)
            os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def test_raw_and_qcow2_images_are_equal(whole: Proved, tmp_path: Path) -> None:
    """One of each; nothing stays mounted or attached, the images were not written, and the caller
    keeps its mount namespace: what it mounted before it can still unmount for everybody."""
    qcow2 = tmp_path / "data.qcow2"
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(whole.images[1]), str(qcow2)]
    SystemCommands().run(convert, timeout=60)
    before = (blake3(whole.images[0].read_bytes()).digest(), len(mount_table()), namespace())
    status, lines = run(whole, *images(whole.images[0], qcow2))
    assert (status, lines[-1]) == (0, "OK"), lines
    after = (blake3(whole.images[0].read_bytes()).digest(), len(mount_table()), namespace())
    assert after == before
    assert attached(whole.images[0]) == ""


def namespace() -> str:
    """The mount namespace of this thread."""
    return os.readlink("/proc/thread-self/ns/mnt")


def attached(image: Path) -> str:
    """Loop devices that show an image."""
    return SystemCommands().run(["losetup", "--associated", str(image)], timeout=20).text


def test_every_kind_of_difference_in_an_image_is_named(spoiled: Proved, tmp_path: Path) -> None:
    """Also a name that only an exclude would forgive: a copy has no reason to have it."""
    with opened_image(spoiled.images[0], "root", tmp_path) as root:
        os.chmod(root / "etc/hostname", 0o666)
        (root / "var/kept").unlink()
        (root / "tmp/new").write_text("x")
        with (root / "etc/initrd").open("r+b") as file:
            file.seek(2 * MIB)
            file.write(b"one block")
        st = os.stat(root / "srv/merged/file")
        (root / "srv/merged/file").write_text("margin")  # same size
        os.utime(root / "srv/merged/file", ns=(st.st_mtime_ns, st.st_mtime_ns))
    assert found(spoiled, *images(*spoiled.images)) == {
        "etc/hostname": "metadata",
        "srv/merged/file": "content",
        "tmp": "metadata",
        "tmp/new": "extra",
        "var": "metadata",
        "etc/initrd": "content",
        "var/kept": "missing",
    }


def adapt(root: Path) -> None:
    """Do what `EDITS` says."""
    (root / "etc/fstab").write_text("# for ECS\n")
    (root / "etc/beacon").write_text("beacon\n")
    (root / "etc/link").unlink()
    (root / "etc/initrd").write_bytes(INITRD)


def test_an_adapted_image_differs_as_recorded_and_no_more(spoiled: Proved, tmp_path: Path) -> None:
    """The edits are explained; a second change of an edited file is not."""
    with opened_image(spoiled.images[0], "root", tmp_path) as root:
        adapt(root)
    status, lines = run(spoiled, *images(*spoiled.images))
    assert (status, lines[-1]) == (0, "OK"), lines
    recorded = [line.split()[1].rstrip(":") for line in lines if line.endswith("(recorded)")]
    assert recorded == ["etc", "etc/beacon", "etc/fstab", "etc/initrd", "etc/link"]
    with opened_image(spoiled.images[0], "root", tmp_path) as root:
        (root / "etc/fstab").write_text("# for me\n")
    assert found(spoiled, *images(*spoiled.images)) == {"etc/fstab": "content"}


@pytest.mark.parametrize("name", ["m-1.json", "m-1.json.sig", "m-1.json.pub"])
def test_a_spoiled_receipt_is_named(spoiled: Proved, name: str) -> None:
    """Each file that the signature binds together."""
    file = spoiled.receipt.parent / name
    raw = bytearray(file.read_bytes())
    raw[40] ^= 1
    file.write_bytes(bytes(raw))
    status, lines = run(spoiled, "--json")
    told = json.loads("\n".join(lines))
    assert (status, told["ok"]) == (1, False)
    assert str(spoiled.receipt) in told["problems"][0]


def test_spoiled_entries_are_named_and_nothing_is_compared_with_them(spoiled: Proved) -> None:
    """One byte; another volume's; none at all."""
    data = spoiled.receipt.parent / "m-1.data.entries.zst"
    good = data.read_bytes()
    for bad in (
        good[:-1] + bytes([good[-1] ^ 1]),
        (data.parent / "m-1.root.entries.zst").read_bytes(),
    ):
        data.write_bytes(bad)
        status, lines = run(spoiled, *images(*spoiled.images))
        assert (status, lines[-1]) == (1, "FAILED")
        assert [line for line in lines if line.startswith(("problem", "compared"))] == [
            "problem    m-1.data.entries.zst: is not the file that was signed"
        ]
    data.unlink()
    assert run(spoiled)[0] == 1


def test_the_key_can_be_pinned(whole: Proved) -> None:
    """Whoever makes a receipt anew cannot sign it with the same key."""
    key = next(line for line in run(whole)[1] if "sha256:" in line).rpartition("sha256:")[2]
    assert run(whole, "--key", key)[0] == 0
    assert run(whole, "--key", "0" * 64)[0] == 1


def test_a_wish_that_cannot_be_met_is_a_usage_error(whole: Proved, tmp_path: Path) -> None:
    """Status 2: nothing was judged."""
    both = ["--root", "/", *images(*whole.images)]
    few, none = images(whole.images[0]), images(tmp_path / "none", whole.images[1])
    for wish in (both, few, none, ["--root", str(tmp_path / "none")]):
        status, lines = run(whole, *wish)
        assert (status, lines) == (2, ["FAILED"])
    small = tmp_path / "small.raw"
    small.write_bytes(bytes(4096))
    assert run(whole, *images(small, whole.images[1]))[0] == 2
    assert run(Proved(whole.source, whole.images, tmp_path / "no.json"))[0] == 2


def test_a_disk_that_cannot_be_mounted_leaves_nothing_behind(spoiled: Proved) -> None:
    """The second of two is no file system: the first is let go of too."""
    with spoiled.images[1].open("r+b") as file:
        file.write(bytes(MIB))
    before = len(mount_table())
    assert run(spoiled, *images(*spoiled.images)) == (1, ["FAILED"])
    assert len(mount_table()) == before
    assert attached(spoiled.images[0]) + attached(spoiled.images[1]) == ""
