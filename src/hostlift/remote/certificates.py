# SPDX-License-Identifier: Apache-2.0
"""Making the certificates that `hostlift.remote.tls` pins; used on the source only."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_NAME_LIMIT = 64


def self_signed(common_name: str, not_before: float, not_after: float) -> tuple[bytes, bytes]:
    """Make a P-256 key and a self-signed end certificate: ``(certificate, key)``, both PEM.

    Args:
        common_name: For people who look at the certificate; cut to 64 characters.
        not_before: Start of validity, seconds since 1970.
        not_after: End of validity, seconds since 1970.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name[:_NAME_LIMIT])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(not_before, UTC))
        .not_valid_after(datetime.fromtimestamp(not_after, UTC))
        # No authority: nobody can issue further certificates that this anchor would vouch for.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
