# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.suite``: every figure that hostlift promises, against its goal.

Runs `benchmarks.replication` for each case and link that is asked for and prints one table, in
Markdown. ``--quick`` takes a tenth of the files: a day's work becomes an hour's, and the ratios of
small trees say more about starting processes than about copying.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import replication, report
from benchmarks.frontdoor import guarded, scratch_option, write_json
from benchmarks.workloads import KINDS

CASES = {
    "first-root": ("root", "first"),
    "first-small": ("small", "first"),
    "first-sparse": ("sparse", "first"),
    "again-100k": ("hundredk", "nothing"),
    "again-1m": ("million", "nothing"),
    "changed-small": ("small", "changed"),
    "changed-sparse": ("sparse", "changed"),
}
_LINKS = "lan,100ms,100ms-stalls"
_TENTH = 10


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of a measurement, named by its keys, and the most (or least) it may be."""

    keys: tuple[str, ...]
    limit: float
    least: bool = False

    def said(self, found: Mapping[str, Any]) -> str:
        """One cell: the goal and whether it was met."""
        value: Any = found
        for key in self.keys:
            value = value.get(key, {})
        if not value:
            return f"{self.keys[-1]}: not measured"
        median = value["median"]
        met = median >= self.limit if self.least else median <= self.limit
        sign = "≥" if self.least else "≤"
        return f"{self.keys[-1]} {median:.3f} {sign} {self.limit:g}: {'yes' if met else 'NO'}"


_CPU = Goal(("ratio_rsync_ssh", "cpu_source"), 1.0)


def _wall(limit: float) -> Goal:
    return Goal(("ratio", "wall"), limit)


GOALS: dict[tuple[str, str], tuple[Goal, ...]] = {
    ("first-root", "lan"): (_wall(0.65), _CPU),
    ("first-small", "lan"): (_wall(0.55), Goal(("objects_per_second",), 12_000, least=True), _CPU),
    ("first-root", "100ms"): (_wall(0.6),),
    ("first-small", "100ms"): (_wall(0.6),),
    ("again-1m", "lan"): (_wall(0.10),),
    ("again-100k", "100ms"): (_wall(0.15),),
    ("again-1m", "100ms"): (_wall(0.15),),
    ("changed-sparse", "lan"): (_wall(0.3), Goal(("wire_per_changed_byte",), 1.05)),
    ("changed-sparse", "100ms"): (_wall(0.3), Goal(("wire_per_changed_byte",), 1.05)),
}


def row(name: str, link: str, found: Mapping[str, Any]) -> str:
    """One line of the table."""
    ratio = found.get("ratio", {}).get("wall")
    ours = found["tools"][report.OURS]["wall"]["median"]
    best = found["best_rsync"]
    theirs = f"{best} {found['tools'][best]['wall']['median']:.2f}" if best else "-"
    shown = f"{ratio['median']:.3f} ({ratio['min']:.3f}-{ratio['max']:.3f})" if ratio else "-"
    goals = "; ".join(goal.said(found) for goal in GOALS.get((name, link), ())) or "-"
    return f"| {name} | {link} | {ours:.2f} | {theirs} | {shown} | {goals} |"


def _options() -> argparse.Namespace:
    parse = argparse.ArgumentParser(prog="python -m benchmarks.suite", description=__doc__)
    parse.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; default: all")
    parse.add_argument("--links", default=_LINKS, help=f"with commas; default: {_LINKS}")
    parse.add_argument("--repeats", type=int, default=5)
    parse.add_argument("--peers", default="", help="names with commas; default: all")
    parse.add_argument("--quick", action="store_true", help="a tenth of the files")
    parse.add_argument("--json", type=Path, help="folder for one file for each case and link")
    scratch_option(parse)
    options = parse.parse_args()
    options.cases = options.cases or list(CASES)
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parse.error(f"no such case: {', '.join(sorted(unknown))}")
    return options


def _measured(options: argparse.Namespace, name: str, link: str) -> dict[str, Any]:
    kind, only = CASES[name]
    line = ["--work", kind, "--pass", only, "--link", link, "--repeats", str(options.repeats)]
    line += ["--scratch", str(options.scratch), "--peers", options.peers]
    if options.quick:
        line += ["--files", str(KINDS[kind].count // _TENTH)]
    # Checking the same workload once more over another link would tell nothing new.
    line += ["--verify" if link == options.links.split(",")[0] else "--no-verify"]
    return replication.run(replication.parser().parse_args(line))


def main() -> int:
    """Run the cases; 0 when all of them ran, whatever the figures."""
    options = _options()
    return guarded(lambda: _all(options))


def _all(options: argparse.Namespace) -> int:
    rows: list[str] = []
    try:
        for name in options.cases:
            for link in options.links.split(","):
                print(f"{name}, {link}", file=sys.stderr, flush=True)
                found = _measured(options, name, link)
                rows.append(row(name, link, found))
                if options.json:
                    write_json(options.json / f"{name}-{link}.json", found)
    finally:
        head = ("work", "link", "hostlift s", "best rsync s", "ratio (rounds)", "goals")
        print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", *rows, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
