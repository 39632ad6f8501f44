# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.replication``: a pass of hostlift against its peers, over one link.

    image -> (first copy, untimed) -> rounds of: change -> caches -> one tool -> sync
    -> the receipt -> target equals source

Every tool runs once a round, the rounds in alternating order, all over the same pair of file
systems: at the start of a run the target equals the source but for what the round changed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import changes, report
from benchmarks.disks import drop_caches, sync_file_system
from benchmarks.frontdoor import guarded, scratch_option, write_json
from benchmarks.link import LINKS, through
from benchmarks.ours import Hostlift
from benchmarks.peers import all_peers
from benchmarks.stage import Stage, equal, stage
from benchmarks.tools import Door, Result, Scene, Tool, direct
from benchmarks.workloads import KINDS, MIB, recipe
from hostlift.errors import HostError

PASSES = ("first", "nothing", "changed")


@dataclass(slots=True)
class Bench:
    """One workload, one kind of pass, one link."""

    stage: Stage
    ours: Hostlift
    tools: Sequence[Tool]
    door: Door
    options: argparse.Namespace
    turn: int = 0

    def measure(self) -> dict[str, list[Result]]:
        """Every tool in every round; prints a line for each run."""
        if self.options.only != "first":
            with self.stage.fresh():
                self.ours.forget()
                self.ours.run(direct)
        results: dict[str, list[Result]] = {tool.name: [] for tool in self.tools}
        for turn in range(self.options.repeats):
            for tool in self.tools if turn % 2 == 0 else reversed(self.tools):
                results[tool.name].append(self._one(tool, check=turn == 0))
        return results

    def verify(self) -> dict[str, Any]:
        """The receipt, and rsync's opinion, on what hostlift leaves at the target."""
        with self.stage.kept():
            self.ours.run(direct)
            return {"reread": self.ours.reread(), "equal": equal(self.stage.scene)}

    def _one(self, tool: Tool, *, check: bool) -> Result:
        if self.options.only == "first":
            with self.stage.fresh():
                self.ours.forget()
                result = self._run(tool, {})
                if check and self.options.verify:
                    equal(self.stage.scene, content=False)
                return result
        with self.stage.kept():
            if tool is self.ours:
                # What the peers did to the target meanwhile is no news to the source.
                self.ours.run(direct)
            return self._run(tool, self._change() if self.options.only == "changed" else {})

    def _run(self, tool: Tool, facts: dict[str, Any]) -> Result:
        changes.settle()
        if self.options.cold:
            drop_caches()
        result = tool.run(self.door)
        started = time.monotonic()
        sync_file_system(self.stage.scene.target)
        sync = time.monotonic() - started
        line = f"  {tool.name:18} {result.wall:8.2f} s  cpu {result.cpu_source:.2f}"
        print(f"{line} + {result.cpu_target:.2f}", file=sys.stderr, flush=True)
        return replace(result, sync=sync, detail=result.detail | facts)

    def _change(self) -> dict[str, Any]:
        self.turn += 1
        turn = int(time.time()) + self.turn
        source, asked = self.stage.scene.source, self.options
        if self.stage.work.kind == "sparse":
            inside = changes.Inside(asked.inside, asked.pieces, asked.align)
            return {"changed": changes.change_inside(source / "half-random", inside, turn)}
        return {"changed": changes.change_one_percent(source, turn)}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure; needs root and a mount namespace of its own (`disks.alone`)."""
    facts = report.machine()
    if options.cold is None:
        options.cold = options.only == "first"
    with stage(options.scratch, recipe(options.work, options.files)) as place:
        ours = Hostlift(place.scene, json.loads(options.options))
        tools = _tools(options, place.scene, ours)
        bench = Bench(place, ours, tools, _door(options, place.scene), options)
        found = report.summary(bench.measure())
        found |= bench.verify() if options.verify else {}
        return {
            "work": place.work.about,
            "pass": options.only,
            "link": options.link,
            "cold": options.cold,
            "direct_io": place.disks.direct,
            "machine": facts,
            **found,
        }


def _tools(options: argparse.Namespace, scene: Scene, ours: Hostlift) -> list[Tool]:
    first = options.only == "first"
    peers = all_peers(scene, first=first, one_large=options.work == "sparse" and not first)
    asked = options.peers.split(",") if options.peers else [peer.name for peer in peers]
    unknown = set(asked) - {peer.name for peer in peers} - {"none"}
    if unknown:
        known = ", ".join(peer.name for peer in peers)
        raise HostError(f"no such peer for this pass; there are {known}", subject=str(unknown))
    return [ours, *(peer for peer in peers if peer.name in asked)]


def _door(options: argparse.Namespace, scene: Scene) -> Door:
    link = LINKS[options.link]
    return direct if link is None else through(link, scene.work)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parse = argparse.ArgumentParser(prog="python -m benchmarks.replication", description=__doc__)
    parse.add_argument("--work", choices=sorted(KINDS), default="small")
    parse.add_argument("--pass", dest="only", choices=PASSES, default="first")
    parse.add_argument("--link", choices=sorted(LINKS), default="lan")
    parse.add_argument("--files", type=int, default=0, help="files (or bytes) instead of the usual")
    parse.add_argument("--repeats", type=int, default=3)
    parse.add_argument("--peers", default="", help="names with commas; none; default: all")
    both = argparse.BooleanOptionalAction
    cold = "drop the caches before each run; default: for first passes"
    parse.add_argument("--cold", action=both, default=None, help=cold)
    parse.add_argument("--verify", action=both, default=True, help="re-read, compare with rsync")
    parse.add_argument("--inside", type=int, default=64 * MIB, help="sparse: bytes changed")
    parse.add_argument("--pieces", type=int, default=16, help="sparse: in how many pieces")
    parse.add_argument("--align", type=int, default=MIB, help="sparse: of the pieces, bytes")
    parse.add_argument("--options", default="{}", help="JSON: other PassOptions for hostlift")
    scratch_option(parse)
    parse.add_argument("--json", type=Path, help="write everything there")
    return parse


def main() -> int:
    """Measure, print a table, write JSON."""
    options = parser().parse_args()
    return guarded(lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    found = run(options)
    print(f"{found['work']}; pass {found['pass']}, link {found['link']}, cold {found['cold']}")
    print(report.table(found))
    if options.verify:
        print(f"re-read {found['reread']['seconds']:.2f} s; equal {found['equal']}")
    if options.json:
        write_json(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
