# SPDX-License-Identifier: Apache-2.0
"""The receipt as a file that can be checked again later, offline: JSON, a signature beside it.

The migration's own key signs: Ed25519, or ECDSA with SHA-256 on an elliptic curve, as its
certificate has it. The signature covers the exact bytes of the file, so reading it never needs a
canonical form. Three files: ``NAME.json``, ``NAME.json.sig`` (hex), ``NAME.json.pub`` (PEM).
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from hostlift.errors import StateError, VerifyError
from hostlift.host.files import atomic_write
from hostlift.model.receipt import Receipt

_PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
_ECDSA = ec.ECDSA(hashes.SHA256())
_RECEIPT = TypeAdapter(Receipt)


def encode(receipt: Receipt) -> bytes:
    """The receipt as the bytes of its file."""
    return _RECEIPT.dump_json(receipt, indent=2) + b"\n"


def decode(raw: bytes) -> Receipt:
    """Inverse of `encode`.

    Raises:
        VerifyError: These bytes are not a receipt.
    """
    try:
        return _RECEIPT.validate_json(raw)
    except ValidationError as error:
        raise VerifyError(f"not a receipt: {error.error_count()} fields are wrong") from error


def public_key(key_pem: bytes) -> bytes:
    """The public half of a signing key, PEM."""
    return (
        _private(key_pem)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def sign(receipt: Receipt, key_pem: bytes) -> tuple[bytes, bytes]:
    """The receipt's bytes and their signature.

    Raises:
        VerifyError: ``key_pem`` cannot sign.
    """
    raw = encode(receipt)
    key = _private(key_pem)
    if isinstance(key, Ed25519PrivateKey):
        return raw, key.sign(raw)
    return raw, key.sign(raw, _ECDSA)


def check(receipt_bytes: bytes, signature: bytes, public_pem: bytes) -> Receipt:
    """The receipt, proved to be what was signed.

    Raises:
        VerifyError: The signature does not fit, or one of the three is malformed.
    """
    try:
        key = serialization.load_pem_public_key(public_pem)
    except (ValueError, TypeError) as error:
        raise VerifyError("not a public key") from error
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, receipt_bytes)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, receipt_bytes, _ECDSA)
        else:
            raise VerifyError("not a key that signs receipts")
    except InvalidSignature as error:
        raise VerifyError(
            "the signature does not fit: the receipt was changed, or another migration made it"
        ) from error
    return decode(receipt_bytes)


def write_receipt(file: Path, receipt: Receipt, key_pem: bytes) -> Path:
    """Write a receipt with its signature and public key beside it; the receipt comes last.

    Existing files are replaced, each atomically.

    Raises:
        StateError: The folder cannot be written.
    """
    raw, signature = sign(receipt, key_pem)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(_beside(file, "pub"), public_key(key_pem))
        atomic_write(_beside(file, "sig"), signature.hex().encode("ascii") + b"\n")
        atomic_write(file, raw)
    except OSError as error:
        raise StateError(f"cannot be written: {error.strerror}", subject=str(file)) from error
    return file


def read_receipt(file: Path) -> Receipt:
    """A receipt from its file, checked against the signature and key beside it.

    Raises:
        StateError: One of the files is missing.
        VerifyError: They do not fit together.
    """
    try:
        raw = file.read_bytes()
        signature = bytes.fromhex(_beside(file, "sig").read_text("ascii").strip())
        public = _beside(file, "pub").read_bytes()
    except OSError as error:
        raise StateError(f"cannot be read: {error.strerror}", subject=str(file)) from error
    except ValueError as error:
        raise VerifyError("the signature file is damaged", subject=f"{file}.sig") from error
    return check(raw, signature, public)


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}.{suffix}")


def _private(key_pem: bytes) -> _PrivateKey:
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        # Not chained: the cause may quote the key.
        raise VerifyError("the signing key is not a private key") from None
    if isinstance(key, Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise VerifyError("the signing key is neither Ed25519 nor on an elliptic curve")
