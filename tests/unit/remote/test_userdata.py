# SPDX-License-Identifier: Apache-2.0
"""The user data: small, the same every time, and without any secret of the client."""

from __future__ import annotations

import ast
import base64
import io
import re
import sys
import zipfile

import pytest

from hostlift.errors import RemoteError
from hostlift.remote.bootstrap import user_data
from hostlift.remote.bootstrap.userdata import LIMIT, program
from hostlift.remote.tls import Identity, make_identity

AGENT = make_identity("hostlift-agent-" + "a" * 40, not_before=1_800_000_000, days=90)
CLIENT = make_identity("hostlift-client-" + "b" * 40, not_before=1_800_000_000, days=90)


def _made(migration: str = "m-0123456789abcdef") -> bytes:
    return user_data(
        migration=migration, agent=AGENT, client_certificate_pem=CLIENT.certificate_pem
    )


def test_it_fits_with_room_to_spare() -> None:
    """A cloud takes 16 KiB; a quarter of a KiB less would already be too close."""
    assert len(_made("m" * 64)) < LIMIT - 1024


def test_it_is_the_same_every_time() -> None:
    """A repeated RunInstances with the same ClientToken must not differ in its parameters."""
    assert _made() == _made()


def test_it_holds_the_agents_key_and_not_the_clients() -> None:
    """The instance gets its own identity and the client's certificate only."""
    made = _made()
    assert AGENT.key_pem.strip() in made
    assert CLIENT.certificate_pem.strip() in made
    secret = b"".join(CLIENT.key_pem.splitlines()[1:-1])
    assert secret not in made.replace(b"\n", b"")
    assert made.count(b"PRIVATE KEY") == 2


def test_it_is_a_script_with_every_field_filled_in() -> None:
    """It starts as a script; no template field is left."""
    made = _made().decode()
    assert made.startswith("#!/bin/sh\n")
    assert not re.search(r"@[A-Z]+@", made)
    assert "hostlift-agent.service" in made
    assert "boot.d" in made


def test_the_program_inside_is_the_one_of_this_version() -> None:
    """What the script decodes is `program`, byte for byte."""
    inside = re.search(rb"base64 -d <<'END'.*?\n(.*?)\nEND\n", _made(), re.DOTALL)
    assert inside is not None
    assert base64.b64decode(inside[1]) == program()


def test_the_program_needs_the_standard_library_only() -> None:
    """Every import of every module that travels is of Python itself or travels too."""
    with zipfile.ZipFile(io.BytesIO(program())) as archive:
        modules = {n.removesuffix(".py").replace("/", ".") for n in archive.namelist()}
        for name in archive.namelist():
            for imported in _imports(archive.read(name)):
                top = imported.partition(".")[0]
                assert (
                    top in sys.stdlib_module_names or imported in modules or _lazy(name, imported)
                )


def _imports(source: bytes) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _lazy(name: str, imported: str) -> bool:
    """Making certificates is the one thing in `tls` that only the client calls."""
    return (name, imported) == ("hostlift/remote/tls.py", "hostlift.remote.certificates")


def test_an_identity_that_is_too_long_is_refused() -> None:
    """Something that does not fit fails here, not at the cloud."""
    long = Identity(AGENT.certificate_pem * 10, AGENT.key_pem)
    with pytest.raises(RemoteError, match="16384"):
        user_data(migration="m", agent=long, client_certificate_pem=CLIENT.certificate_pem)


@pytest.mark.parametrize("name", ["", "a b", "x\nEND\nrm", "m" * 65])
def test_a_migration_is_one_word(name: str) -> None:
    """The id is pasted into a script: nothing but a word gets there."""
    with pytest.raises(RemoteError):
        _made(name)
