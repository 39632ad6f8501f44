# SPDX-License-Identifier: Apache-2.0
"""The signed receipt file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hostlift.errors import StateError, VerifyError
from hostlift.model.receipt import Difference, Divergence, Receipt, VolumeReceipt
from hostlift.verify.receipt import check, public_key, read_receipt, sign, write_receipt

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


def pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


KEYS = [pem(Ed25519PrivateKey.generate()), pem(ec.generate_private_key(ec.SECP256R1()))]


@pytest.mark.parametrize("key", KEYS)
def test_a_written_receipt_is_read_and_proved(tmp_path: Path, key: bytes) -> None:
    """What is read is what was written; both kinds of the migration's key sign."""
    file = write_receipt(tmp_path / "receipts/m-1.json", RECEIPT, key)
    assert read_receipt(file) == RECEIPT
    names = sorted(p.name for p in file.parent.iterdir())
    assert names == ["m-1.json", "m-1.json.pub", "m-1.json.sig"]


@pytest.mark.parametrize("key", KEYS)
def test_a_changed_receipt_is_refused(key: bytes) -> None:
    """One byte is enough, and so is the signature of another migration."""
    raw, signature = sign(RECEIPT, key)
    assert check(raw, signature, public_key(key)) == RECEIPT
    with pytest.raises(VerifyError, match="was changed"):
        check(raw.replace(b"web01", b"web02"), signature, public_key(key))
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(VerifyError, match="was changed"):
        check(raw, signature, public_key(other))


def test_a_missing_or_damaged_signature_is_told(tmp_path: Path) -> None:
    """Each file that belongs to the proof has its error."""
    file = write_receipt(tmp_path / "r.json", RECEIPT, KEYS[0])
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
    with pytest.raises(VerifyError, match="neither Ed25519"):
        sign(RECEIPT, pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))


def test_a_folder_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    """The receipt's path is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        write_receipt(tmp_path / "file/r.json", RECEIPT, KEYS[0])
