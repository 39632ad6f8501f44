# SPDX-License-Identifier: Apache-2.0
"""The source and its copy, both running, asked the same questions."""

from __future__ import annotations

import hashlib
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from demo.server import Shell, query
from demo.source.content import PAGES
from demo.waiting import wait_until
from hostlift.errors import CommandFailed
from hostlift.host.command import SystemCommands

_ANSWER_LIMIT = 300.0
_ROWS = (
    "count(*), coalesce(max(id), 0), coalesce(sum(amount), 0),"
    " md5(string_agg(id || ':' || amount, ',' ORDER BY id))"
)
_PAGES = (
    "/",
    "/catalogue.bin",
    "/data/0/record-0000.dat",
    *(f"/shelf-{n % 10}/item-{n:03}.html" for n in range(0, PAGES, 30)),
)
# Names, kinds, owners, modes, times and links of everything; sizes and contents of files.
_LISTING = """
cd /data
find . -mindepth 1 -path ./lost+found -prune -o -printf '%P %y %m %U %G %n %l ' \\
    \\( -type d -printf '%T@\\0' -o -printf '%s %T@\\0' \\) | LC_ALL=C sort -z | b2sum
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 b2sum | b2sum
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
    ]


def _pages(source: Shell, copy: Shell) -> Comparison:
    pages = {path: (_page(source, path), _page(copy, path)) for path in _PAGES}
    differ = [path for path, (ours, theirs) in pages.items() if ours != theirs]
    octets = sum(len(ours) for ours, _ in pages.values())
    digest = hashlib.sha256(b"".join(theirs for _, theirs in pages.values())).hexdigest()[:16]
    detail = f"{len(pages)} pages, {octets} bytes, sha256 {digest}"
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
    with ThreadPoolExecutor() as both:
        ours, theirs = both.map(lambda shell: shell.run(_LISTING), (source, copy))
    device = copy.run("findmnt -no SOURCE -M /data").strip()
    root = copy.run("findmnt -no SOURCE -M /").strip()
    apart = bool(device) and device.rstrip("0123456789") != root.rstrip("0123456789")
    count = ours.split()[-1]
    detail = f"{count} objects equal in content and metadata, on {device} (root on {root})"
    if ours != theirs or not apart:
        detail = f"source {ours.split()}, copy {theirs.split()}, /data on {device}, root on {root}"
    return Comparison("/data", ours == theirs and apart, detail)


def _has_database(source: Shell, copy: Shell) -> bool:
    try:
        return bool(query(source, "SELECT 1", copy.address))
    except CommandFailed:
        return False


def _orders(source: Shell, copy: Shell, freeze_seconds: float) -> list[Comparison]:
    # What the copy's own writer added since it came up is not part of what was moved.
    moved = query(
        source, f"SELECT {_ROWS} FROM orders WHERE at < pg_postmaster_start_time()", copy.address
    )
    count, last, _, _ = moved.split("|")
    original = query(source, f"SELECT {_ROWS} FROM orders WHERE id <= {last}")
    complete = moved == original and int(count) > 0
    detail = f"{count} rows up to id {last}, equal"
    return [
        Comparison("orders", complete, detail if complete else f"source {original}, copy {moved}"),
        _invariant(source, copy),
        _last_before_freeze(source, last, freeze_seconds),
        _journal(source, copy, last),
    ]


def _invariant(source: Shell, copy: Shell) -> Comparison:
    sql = (
        "SELECT (SELECT count(*) FROM orders) - orders, (SELECT sum(amount) FROM orders) - amount"
        " FROM totals"
    )
    left = query(source, sql, copy.address)
    detail = "rows and running total agree" if left == "0|0" else f"rows minus total: {left}"
    return Comparison("consistency", left == "0|0", detail)


def _last_before_freeze(source: Shell, last: str, freeze_seconds: float) -> Comparison:
    """Nothing committed before the freeze is missing: after the last row the source was silent.

    The next order may have been placed before the freeze, in a transaction that ended after it; so
    what counts is when its commit was known.
    """
    placed = query(source, f"SELECT extract(epoch FROM at) FROM orders WHERE id = {last}")
    known = source.run(f"awk '$1 > {last} {{ print $3; exit }}' /var/lib/shop/orders.log").strip()
    silent = float(known) - float(placed) if known else math.inf
    words = f"for {silent:.1f} s" if known else "for ever"
    good = silent >= freeze_seconds * 0.9
    return Comparison("freeze", good, f"after order {last} the source committed nothing {words}")


def _journal(source: Shell, copy: Shell, last: str) -> Comparison:
    # The line of the last order itself may have been cut off by the freeze.
    script = f"awk '$1 < {last}' /var/lib/shop/orders.log | sha256sum"
    ours, theirs = source.run(script), copy.run(script)
    return Comparison("order log", ours == theirs, f"sha256 {theirs[:16]} up to order {last}")
