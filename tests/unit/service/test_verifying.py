# SPDX-License-Identifier: Apache-2.0
"""A receipt checked against its own files and a folder; real disks are in tests/system/verify."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hostlift.errors import ConfigError, VerifyError
from hostlift.model.entry import Entry
from hostlift.model.receipt import Difference, Divergence, Evidence, Receipt
from hostlift.remote.entries import pack_entries
from hostlift.replicate.reread import reread
from hostlift.service.verifying import Wish, verify
from hostlift.verify.compare import compare
from hostlift.verify.entries import write_entries
from hostlift.verify.receipt import new_key, write_receipt

KEY = new_key()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "d").mkdir(parents=True)
    (folder / "d" / "file").write_text("content")
    (folder / "other").write_text("other")
    return folder


def a_receipt(folder: Path, root: Path) -> Receipt:
    """Of the tree as it is now; its entries are written."""
    entries = list(reread(root, drop_caches=False))
    digest = write_entries(folder / "m.v.entries.zst", pack_entries(entries))
    volume, _ = compare("v", "/", entries, entries)
    evidence = Evidence(
        volume="v", file="m.v.entries.zst", blake3=digest, disk=0, start=0, file_system="ext4"
    )
    return Receipt(
        migration="m",
        hostname="h",
        made_at="now",
        volumes=(volume,),
        differences=(),
        evidence=(evidence,),
    )


def signed(folder: Path, receipt: Receipt) -> Path:
    return write_receipt(folder / "m.json", receipt, KEY)


def test_a_tree_that_did_not_change_is_good_and_one_that_did_is_not(
    tmp_path: Path, root: Path
) -> None:
    """The path that differs is named."""
    file = signed(tmp_path, a_receipt(tmp_path, root))
    assert verify(Wish(receipt=file, root=root)).good
    (root / "d" / "file").write_text("changed")
    done = verify(Wish(receipt=file, root=root))
    assert not done.good
    assert [d.path for d in done.volumes[0].open] == ["d/file"]


def with_a_loss(receipt: Receipt, *differences: Difference) -> Receipt:
    """Its target differed in something."""
    volume = replace(receipt.volumes[0], target_root="00" * 32)
    return replace(receipt, volumes=(volume,), differences=differences)


def test_unequal_roots_need_listed_differences(tmp_path: Path, root: Path) -> None:
    """What the target could not hold is said in the receipt; silence is a problem."""
    receipt = a_receipt(tmp_path, root)
    loss = Difference(volume="v", path="d/file", kind=Divergence.METADATA, detail="flags")
    assert verify(Wish(receipt=signed(tmp_path, with_a_loss(receipt, loss)))).good
    elsewhere = replace(loss, volume="w")
    for told in ((), (elsewhere,)):
        done = verify(Wish(receipt=signed(tmp_path, with_a_loss(receipt, *told))))
        assert done.problems == ("m.json: the roots of v differ, and it does not say why",)


def test_entries_that_were_signed_but_make_another_root_are_a_problem(
    tmp_path: Path, root: Path
) -> None:
    """A signer's mistake: nothing is compared with them."""
    receipt = a_receipt(tmp_path, root)
    fewer: list[Entry] = list(reread(root, drop_caches=False))[1:]
    digest = write_entries(tmp_path / "m.v.entries.zst", pack_entries(fewer))
    receipt = replace(receipt, evidence=(replace(receipt.evidence[0], blake3=digest),))
    done = verify(Wish(receipt=signed(tmp_path, receipt), root=root))
    assert done.problems == ("m.v.entries.zst: its entries do not make the root that was signed",)
    assert done.volumes == ()


def test_a_receipt_without_entries_says_so(tmp_path: Path, root: Path) -> None:
    """It was made before there were any."""
    receipt = replace(a_receipt(tmp_path, root), evidence=())
    done = verify(Wish(receipt=signed(tmp_path, receipt)))
    assert done.problems == ("m.json: names no entries of v",)


def test_a_receipt_cannot_name_files_elsewhere(tmp_path: Path, root: Path) -> None:
    """Its entries are looked for beside it only."""
    receipt = a_receipt(tmp_path, root)
    away = replace(receipt.evidence[0], file="/etc/../m.v.entries.zst")
    assert verify(Wish(receipt=signed(tmp_path, replace(receipt, evidence=(away,))))).good


def test_wishes_that_contradict_are_refused(tmp_path: Path, root: Path) -> None:
    """Before anything is read."""
    file = signed(tmp_path, a_receipt(tmp_path, root))
    with pytest.raises(ConfigError, match="not both"):
        verify(Wish(receipt=file, root=root, images=(root,)))
    with pytest.raises(ConfigError, match="not a directory"):
        verify(Wish(receipt=file, root=tmp_path / "none"))
    with pytest.raises(VerifyError, match="another key"):
        verify(Wish(receipt=file, key="ab" * 32))
