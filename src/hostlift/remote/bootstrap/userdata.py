# SPDX-License-Identifier: Apache-2.0
"""The user data of the intermediate instance: equal arguments give equal bytes.

It carries the agent's key, which is worth nothing after the migration, and the client's
certificate; never the client's key and never an AccessKey.
"""

from __future__ import annotations

import ast
import base64
import functools
import io
import re
import zipfile
from importlib import resources
from typing import TYPE_CHECKING

from hostlift.errors import RemoteError

if TYPE_CHECKING:
    from hostlift.remote.tls import Identity

LIMIT = 16 << 10
_WIDTH = 76
_PACKAGES = ("hostlift", "hostlift/remote", "hostlift/remote/seed")
_MODULES = ("tls", "seed/depot", "seed/service", "seed/program")
_START = b"from hostlift.remote.seed.program import main\n\nmain()\n"
_MIGRATION = re.compile(r"[A-Za-z0-9._-]{1,64}")


def user_data(*, migration: str, agent: Identity, client_certificate_pem: bytes) -> bytes:
    """The script an instance runs to become the receiving end of ``migration``.

    Raises:
        RemoteError: It is longer than the 16 KiB a cloud takes, or the migration's id is no word.
    """
    if not _MIGRATION.fullmatch(migration):
        raise RemoteError("not a word that can name a migration", subject=migration)
    fields = {
        "AGENT": (agent.key_pem.strip() + b"\n" + agent.certificate_pem.strip()).decode("ascii"),
        "CLIENT": client_certificate_pem.decode("ascii").strip(),
        "MIGRATION": migration,
        "PROGRAM": _lines(base64.b64encode(program()).decode("ascii")),
        "UNIT": _template("hostlift-agent.service").strip(),
        "LOOP": _template("50-agent").strip(),
    }
    script = re.sub(r"@([A-Z]+)@", lambda m: fields[m[1]], _template("install.sh.in")).encode()
    if len(script) > LIMIT:
        raise RemoteError(
            f"user data of {len(script)} bytes is more than {LIMIT}", subject=migration
        )
    return script


@functools.cache
def program() -> bytes:
    """`bootstrap.pyz`: the modules that travel, as one file that Python starts."""
    package = resources.files("hostlift.remote")
    contents = {f"{name}/__init__.py": b"" for name in _PACKAGES}
    for module in _MODULES:
        source = package.joinpath(f"{module}.py").read_text("utf-8")
        contents[f"hostlift/remote/{module}.py"] = _bare(source)
    contents["__main__.py"] = _START
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(contents.items()):
            # A ZipInfo made by name has a constant date.
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=9)
    return buffer.getvalue()


def _bare(source: str) -> bytes:
    """The module without comments and docstrings: they would be half of the user data."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).encode()


def _template(name: str) -> str:
    return resources.files("hostlift.remote.bootstrap").joinpath(name).read_text("utf-8")


def _lines(text: str) -> str:
    return "\n".join(text[i : i + _WIDTH] for i in range(0, len(text), _WIDTH))
