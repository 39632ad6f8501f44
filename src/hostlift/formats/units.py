# SPDX-License-Identifier: Apache-2.0
"""Names of units, systemd.unit(5): slashes are dashes; all but letters, digits and ``:_.`` is escaped."""

from __future__ import annotations

import re

_ODD = re.compile(r"[^A-Za-z0-9:_./]")


def unit_of(path: str, kind: str) -> str:
    r"""``/dev/disk/by-uuid/1`` and ``swap``: ``dev-disk-by\x2duuid-1.swap``."""
    escaped = _ODD.sub(
        lambda m: "".join(f"\\x{octet:02x}" for octet in m[0].encode("utf-8", "surrogateescape")),
        path.strip("/"),
    )
    return f"{escaped.replace('/', '-')}.{kind}"
