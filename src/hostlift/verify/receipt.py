# SPDX-License-Identifier: Apache-2.0
"""The receipt as a file that can be checked again later, offline: JSON, a signature beside it.

An Ed25519 key made for this one receipt signs. The signature covers the exact bytes of the file,
so reading it never needs a canonical form. Three files: ``NAME.json``, ``NAME.json.sig`` (hex),
``NAME.json.pub`` (PEM); the entries of each volume lie beside them, see `hostlift.verify.entries`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from hostlift.errors import StateError, VerifyError
from hostlift.host.files import atomic_write
from hostlift.model.receipt import Receipt

_RECEIPT = TypeAdapter(Receipt)


@dataclass(frozen=True, slots=True)
class Signed:
    """A receipt that fits its signature.

    Attributes:
        key: Fingerprint of the key that signed it, see `fingerprint`.
    """

    receipt: Receipt
    key: str


def new_key() -> bytes:
    """A key to sign receipts with, PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


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


def fingerprint(public_pem: bytes) -> str:
    """sha256 of the public key's 32 bytes, hex: what a person compares.

    Raises:
        VerifyError: This is not an Ed25519 public key.
    """
    raw = _public(public_pem).public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return hashlib.sha256(raw).hexdigest()


def sign(receipt: Receipt, key_pem: bytes) -> tuple[bytes, bytes]:
    """The receipt's bytes and their signature.

    Raises:
        VerifyError: ``key_pem`` cannot sign.
    """
    raw = encode(receipt)
    return raw, _private(key_pem).sign(raw)


def check(receipt_bytes: bytes, signature: bytes, public_pem: bytes) -> Receipt:
    """The receipt, proved to be what was signed.

    Raises:
        VerifyError: The signature does not fit, or one of the three is malformed.
    """
    try:
        _public(public_pem).verify(signature, receipt_bytes)
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


def read_receipt(file: Path) -> Signed:
    """A receipt from its file, checked against the signature and key beside it.

    Raises:
        StateError: One of the files is missing.
        VerifyError: They do not fit together; ``subject`` is the receipt, or the file at fault.
    """
    raw = _bytes_of(file)
    try:
        signature = bytes.fromhex(_bytes_of(_beside(file, "sig")).decode("ascii").strip())
    except ValueError as error:
        raise VerifyError(
            "the signature file is damaged", subject=str(_beside(file, "sig"))
        ) from error
    public = _bytes_of(_beside(file, "pub"))
    try:
        key = fingerprint(public)
    except VerifyError as error:
        raise VerifyError(error.message, subject=str(_beside(file, "pub"))) from error
    try:
        return Signed(check(raw, signature, public), key)
    except VerifyError as error:
        raise VerifyError(error.message, subject=str(file)) from error


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StateError(
            f"cannot be read: {error.strerror}",
            subject=str(file),
            hint="Name the receipt (receipts/<migration>.json of the state folder); its .sig, .pub"
            " and .entries.zst files lie beside it.",
        ) from error


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}.{suffix}")


def _public(public_pem: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(public_pem)
    except (ValueError, TypeError) as error:
        raise VerifyError("not a public key") from error
    if isinstance(key, Ed25519PublicKey):
        return key
    raise VerifyError("not a key that signs receipts: it is not Ed25519")


def _private(key_pem: bytes) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        # Not chained: the cause may quote the key.
        raise VerifyError("the signing key is not a private key") from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise VerifyError("the signing key is not Ed25519")
