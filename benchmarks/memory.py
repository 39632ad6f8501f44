# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.memory``: peak memory of both ends against the number of files.

A first pass and one in which nothing changed, at a quarter, a half and all of ``--files``. Two
straight lines say what ``--limit`` files would take: one through all three points, which takes
caches that were still filling for growth, and one through the last two. ``--flat`` puts all files
into one directory.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import changes, report
from benchmarks.frontdoor import guarded, scratch_option, write_json
from benchmarks.ours import Hostlift
from benchmarks.stage import stage
from benchmarks.tools import Result, direct
from benchmarks.workloads import MIB, recipe

_GOAL = 256 * MIB
_SHARES = (4, 2, 1)
_SIDES = ("rss_source", "rss_target")


def measure(scratch: Path, kind: str, count: int) -> dict[str, Any]:
    """Both passes over ``count`` files."""
    with stage(scratch, recipe(kind, count), used=False) as place:
        ours = Hostlift(place.scene)
        ours.forget()
        with place.fresh():
            changes.settle()
            passes = {"first": ours.run(direct), "nothing": ours.run(direct)}
        place.discard()
    found: dict[str, Any] = {"files": count}
    for name, result in passes.items():
        print(f"  {count} files, {name}: {_shown(result)}", file=sys.stderr, flush=True)
        found[name] = {"wall": result.wall, **{side: getattr(result, side) for side in _SIDES}}
    return found


def _shown(result: Result) -> str:
    source, target = result.rss_source / MIB, result.rss_target / MIB
    return f"{result.wall:.1f} s, source {source:.0f} MiB, target {target:.0f} MiB"


def forecast(counts: Sequence[int], peaks: Sequence[int], limit: int) -> dict[str, float]:
    """Straight lines through the peaks: bytes for each file, and bytes at ``limit`` files."""
    slope, base = statistics.linear_regression(counts, peaks)
    late, start = statistics.linear_regression(counts[-2:], peaks[-2:])
    return {
        "measured": peaks[-1],
        "bytes_per_file": slope,
        "at_limit": base + slope * limit,
        "bytes_per_file_late": late,
        "at_limit_late": start + late * limit,
    }


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure and forecast."""
    kind = "flat" if options.flat else "million"
    points = [measure(options.scratch, kind, options.files // share) for share in _SHARES]
    counts = [point["files"] for point in points]
    lines = {
        f"{name} {side}": forecast(counts, [p[name][side] for p in points], options.limit)
        for name in ("first", "nothing")
        for side in _SIDES
    }
    return {
        "kind": kind,
        "limit": options.limit,
        "machine": report.machine(),
        "points": points,
        "forecast": lines,
        "within_goal": _verdict(lines),
    }


def _verdict(lines: dict[str, dict[str, float]]) -> str:
    if all(line["at_limit"] <= _GOAL for line in lines.values()):
        return "yes"
    late = all(line["at_limit_late"] <= _GOAL for line in lines.values())
    return "only by the last two points" if late else "NO"


def _options() -> argparse.Namespace:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parse.add_argument("--files", type=int, default=0, help="default: 1 million, flat 2 million")
    parse.add_argument("--flat", action="store_true", help="all of them in one directory")
    parse.add_argument("--limit", type=int, default=0, help="default: 10 million, flat 2 million")
    parse.add_argument("--json", type=Path, help="write everything there")
    scratch_option(parse)
    options = parse.parse_args()
    options.files = options.files or (2_000_000 if options.flat else 1_000_000)
    options.limit = options.limit or (2_000_000 if options.flat else 10_000_000)
    return options


def main() -> int:
    """Measure, print a table, write JSON."""
    options = _options()
    return guarded(lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    found = run(options)
    for name, line in found["forecast"].items():
        measured, at_limit = line["measured"] / MIB, line["at_limit"] / MIB
        late = line["at_limit_late"] / MIB
        print(
            f"{name:20} {measured:6.0f} MiB at {options.files} files; at {options.limit}:"
            f" {at_limit:6.0f} MiB by all points, {late:6.0f} by the last two"
        )
    print(f"at most 256 MiB a side: {found['within_goal']}")
    if options.json:
        write_json(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
