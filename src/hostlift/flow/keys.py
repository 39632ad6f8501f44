# SPDX-License-Identifier: Apache-2.0
"""The keys of a migration, kept beside client_data and never inside it.

``keys/<migration>/{client,agent}.{crt,key}``, mode 0600: the client's key never leaves this folder;
the agent's goes to the instance in its user data and is worth nothing after the migration.
``receipt.key`` signs the receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostlift.flow.context import Context
from hostlift.host.files import atomic_write, remove_tree
from hostlift.remote.tls import Identity, make_identity
from hostlift.verify.receipt import new_key

_DAYS = 90


@dataclass(frozen=True, slots=True)
class Keys:
    """Both ends."""

    client: Identity
    agent: Identity


def keys(ctx: Context) -> Keys:
    """The identities of this migration, made at the first call."""
    return Keys(_identity(ctx, "client"), _identity(ctx, "agent"))


def receipt_key(ctx: Context) -> bytes:
    """The Ed25519 key that signs this migration's receipt, PEM; made at the first call."""
    file = _folder(ctx) / "receipt.key"
    if not file.exists():
        atomic_write(file, new_key(), 0o600)
    return file.read_bytes()


def forget(ctx: Context) -> None:
    """Remove the identities of this migration."""
    folder = ctx.workspace.keys / ctx.migration
    if folder.exists():
        remove_tree(folder)


def _folder(ctx: Context) -> Path:
    folder = ctx.workspace.keys / ctx.migration
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _identity(ctx: Context, name: str) -> Identity:
    folder = _folder(ctx)
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    if not certificate.exists():
        made = make_identity(
            f"hostlift-{name}-{ctx.migration}", not_before=ctx.clock.now(), days=_DAYS
        )
        atomic_write(key, made.key_pem, 0o600)
        atomic_write(certificate, made.certificate_pem, 0o600)
    return Identity(certificate.read_bytes(), key.read_bytes())
