# SPDX-License-Identifier: Apache-2.0
"""The source and its copy, both running, asked the same questions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hostlift.errors import CommandFailed
from hostlift.host.command import SystemCommands

from demo.server import Shell, query
from demo.source.content import site_paths
from demo.waiting import wait_until

_ANSWER_LIMIT = 300.0
_ROWS = "count(*), coalesce(max(id), 0), coalesce(sum(amount), 0), md5(string_agg(id || ':' || amount, ',' ORDER BY id))"
# Names, kinds, owners, modes, times and links of everything; sizes and contents of files.
_LISTING = """
cd /data
find . -mindepth 1 -path ./lost+found -prune -o -printf '%P %y %m %U %G %n %l ' \\
    \\( -type d -printf '%T@\\0' -o -printf '%s %T@\\0' \\) | LC_ALL=C sort -z | sha256sum
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
find . | wc -l
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One question: whether both answered alike, and what the answer was."""

    name: str
    same: bool
    detail: str


def compare(source: Shell, copy: Shell, freeze_seconds: float) -> list[Comparison]:
    """Everything the demo promises of the copy."""
    wait_until(copy.answers, _ANSWER_LIMIT, "ssh on the copy")
    wait_until(lambda: _serves(copy), _ANSWER_LIMIT, "nginx on the copy")
    wait_until(lambda: _has_database(source, copy), _ANSWER_LIMIT, "PostgreSQL on the copy")
    return [
        _pages(source, copy),
        _data_disk(source, copy),
        *_orders(source, copy, freeze_seconds),
        _journal(source, copy),
    ]


def _pages(source: Shell, copy: Shell) -> Comparison:
    paths = site_paths()
    pages = [(_page(source, path), _page(copy, path)) for path in paths]
    differ = [path for path, (ours, theirs) in zip(paths, pages, strict=True) if ours != theirs]
    octets = sum(len(ours) for ours, _ in pages)
    digest = hashlib.sha256(b"".join(theirs for _, theirs in pages)).hexdigest()[:16]
    detail = f"{len(paths)} pages, {octets} bytes, sha256 {digest}"
    return Comparison("nginx", not differ, f"{detail}; different: {differ}" if differ else detail)


def _page(shell: Shell, path: str) -> bytes:
    url = f"http://{shell.address}{path}"
    line = ["ip", "netns", "exec", shell.namespace, "curl", "-sSf", "--max-time", "60", url]
    return SystemCommands().run(line, timeout=90).stdout


def _serves(shell: Shell) -> bool:
    try:
        return bool(_page(shell, "/"))
    except CommandFailed:
        return False


def _data_disk(source: Shell, copy: Shell) -> Comparison:
    ours, theirs = (shell.run(_LISTING) for shell in (source, copy))
    mounts = copy.run("findmnt -no SOURCE / /data 2>/dev/null || findmnt -no SOURCE -M /data")
    device = copy.run("findmnt -no SOURCE -M /data").strip()
    root = copy.run("findmnt -no SOURCE -M /").strip()
    apart = bool(device) and device.rstrip("0123456789") != root.rstrip("0123456789")
    count = ours.split()[-1]
    detail = f"{count} objects equal in content and metadata, on {device} (root on {root})"
    if ours != theirs or not apart:
        detail = f"source {ours.split()}, copy {theirs.split()}, mounts {mounts.split()}"
    return Comparison("/data", ours == theirs and apart, detail)


def _has_database(source: Shell, copy: Shell) -> bool:
    try:
        return bool(query(source, "SELECT 1", copy.address))
    except CommandFailed:
        return False


def _orders(source: Shell, copy: Shell, freeze_seconds: float) -> list[Comparison]:
    # What the copy's own writer added since it came up is not part of what was moved.
    moved_rows = "at < pg_postmaster_start_time()"
    moved = query(source, f"SELECT {_ROWS} FROM orders WHERE {moved_rows}", copy.address)
    count, last, _, _ = moved.split("|")
    original = query(source, f"SELECT {_ROWS} FROM orders WHERE id <= {last}")
    disagree = (
        "SELECT (SELECT count(*) FROM orders) - orders, (SELECT sum(amount) FROM orders) - amount"
        " FROM totals"
    )
    invariant = query(source, disagree, copy.address)
    gap = float(
        query(
            source,
            f"SELECT coalesce(extract(epoch FROM min(at) - (SELECT at FROM orders WHERE id = {last})),"
            f" 1e9) FROM orders WHERE id > {last}",
        )
    )
    silence = "never wrote again" if gap >= 1e9 else f"wrote nothing for {gap:.1f} s after it"
    return [
        Comparison("orders", moved == original and int(count) > 0, f"{count} rows, last id {last}, md5 equal"
                   if moved == original else f"source {original}, copy {moved}"),
        Comparison("consistency", invariant == "0|0", "sum of rows equals the running total"
                   if invariant == "0|0" else f"rows minus total: {invariant}"),
        Comparison("last row", gap >= freeze_seconds * 0.9,
                   f"order {last} was the last before the freeze: the source {silence}"),
    ]


def _journal(source: Shell, copy: Shell) -> Comparison:
    """The writer's own file: every line it had finished before the last order that was moved."""
    booted = "$(date -d \"$(uptime -s)\" +%s)"
    lines = int(copy.run(f"cat /run/demo-lines 2>/dev/null || wc -l </var/lib/shop/orders.log").strip())
    del booted, lines
    first = "SELECT min(id) FROM orders WHERE at >= pg_postmaster_start_time()"
    limit = query(source, f"SELECT coalesce(({first}), max(id)) FROM orders", copy.address)
    script = f"awk '$1 < LIMIT' /var/lib/shop/orders.log | head -n -1 | sha256sum"
    raise NotImplementedError(script + limit)
