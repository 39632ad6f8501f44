# SPDX-License-Identifier: Apache-2.0
"""The signed receipt file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hostlift.errors import StateError, VerifyError
from hostlift.model.receipt import Difference, Divergence, Receipt, VolumeReceipt
from hostlift.verify.receipt import (
    Signed,
    check,
    decode,
    encode,
    fingerprint,
    new_key,
    public_key,
    read_receipt,
    sign,
    write_receipt,
)

RECEIPT = Receipt(
    migration="m-1",
    hostname="web01",
    made_at="2027-01-15T08:00:00+00:00",
    volumes=(
        VolumeReceipt(
            volume="disk0p4",
            mount_point="/",
            entries=2,
            bytes=3,
            source_root="aa",
            target_root="aa",
        ),
    ),
    differences=(Difference(volume="disk0p4", path=r"caf\xe9", kind=Divergence.EXTRA),),
)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


KEY = new_key()


def test_a_written_receipt_is_read_and_proved(tmp_path: Path) -> None:
    """What is read is what was written, and the key is named as a person would compare it."""
    file = write_receipt(tmp_path / "receipts/m-1.json", RECEIPT, KEY)
    assert read_receipt(file) == Signed(RECEIPT, fingerprint(public_key(KEY)))
    names = sorted(p.name for p in file.parent.iterdir())
    assert names == ["m-1.json", "m-1.json.pub", "m-1.json.sig"]


def test_a_changed_receipt_is_refused(tmp_path: Path) -> None:
    """One byte is enough, and so is the signature of another migration; the file is named."""
    raw, signature = sign(RECEIPT, KEY)
    assert check(raw, signature, public_key(KEY)) == RECEIPT
    with pytest.raises(VerifyError, match="was changed"):
        check(raw.replace(b"web01", b"web02"), signature, public_key(KEY))
    with pytest.raises(VerifyError, match="was changed"):
        check(raw, signature, public_key(new_key()))
    file = write_receipt(tmp_path / "r.json", RECEIPT, KEY)
    file.write_bytes(raw.replace(b"web01", b"web02"))
    with pytest.raises(VerifyError, match="was changed") as caught:
        read_receipt(file)
    assert caught.value.subject == str(file)


def test_a_key_of_another_kind_beside_the_receipt_is_refused(tmp_path: Path) -> None:
    """The public key file is named, whatever is wrong with it."""
    file = write_receipt(tmp_path / "r.json", RECEIPT, KEY)
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "r.json.pub").write_bytes(
        elliptic.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    with pytest.raises(VerifyError, match="not Ed25519") as caught:
        read_receipt(file)
    assert caught.value.subject == str(tmp_path / "r.json.pub")


def test_a_receipt_without_evidence_is_still_read() -> None:
    """Those of the first release have neither entries nor edits."""
    bare = decode(
        encode(RECEIPT).replace(b'"evidence": [],', b"").replace(b'"edits": []', b'"x": 0')
    )
    assert bare == RECEIPT


def test_a_missing_or_damaged_signature_is_told(tmp_path: Path) -> None:
    """Each file that belongs to the proof has its error."""
    file = write_receipt(tmp_path / "r.json", RECEIPT, KEY)
    (tmp_path / "r.json.sig").write_text("no hex")
    with pytest.raises(VerifyError, match="damaged"):
        read_receipt(file)
    (tmp_path / "r.json.sig").unlink()
    with pytest.raises(StateError, match="cannot be read"):
        read_receipt(file)


def test_a_key_that_cannot_sign_is_refused_without_quoting_it() -> None:
    """The key's text is in no message."""
    with pytest.raises(VerifyError) as caught:
        sign(RECEIPT, b"-----BEGIN SECRET-----")
    assert "SECRET" not in str(caught.value)
    with pytest.raises(VerifyError, match="not Ed25519"):
        sign(RECEIPT, pem(ec.generate_private_key(ec.SECP256R1())))


def test_a_folder_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    """The receipt's path is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        write_receipt(tmp_path / "file/r.json", RECEIPT, KEY)
