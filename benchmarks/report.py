# SPDX-License-Identifier: Apache-2.0
"""Medians, spread and ratios of interleaved runs, as a table and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.tools import Result
from hostlift.host.command import SystemCommands

OURS = "hostlift"
_MIB = 1 << 20
_FIGURES = ("wall", "cpu_source", "cpu_target", "sync", "wire", "rss_source", "rss_target")


def is_rsync(name: str) -> bool:
    """True for the peers whose best is the one to beat."""
    return name.startswith("rsync")


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(results: Mapping[str, Sequence[Result]]) -> dict[str, Any]:
    """Everything of a measurement that is derived from its runs."""
    tools = {name: _tool(runs) for name, runs in results.items()}
    rivals = [name for name in tools if is_rsync(name)]
    best = min(rivals, key=lambda name: tools[name]["wall"]["median"], default="")
    found: dict[str, Any] = {"tools": tools, "best_rsync": best}
    if best and OURS in tools:
        found["ratio"] = {
            "wall": _ratio(results[OURS], results[best], _wall),
            "wall_durable": _ratio(results[OURS], results[best], _durable),
            "cpu": _ratio(results[OURS], results[best], _cpu),
        }
    if OURS in tools:
        found |= _own(results[OURS])
    if "rsync-ssh" in tools and OURS in tools:
        pair = results[OURS], results["rsync-ssh"]
        found["ratio_rsync_ssh"] = {
            "wall": _ratio(*pair, _wall),
            "cpu_source": _ratio(*pair, lambda run: run.cpu_source),
        }
    return found


def _tool(runs: Sequence[Result]) -> dict[str, Any]:
    found: dict[str, Any] = {name: spread([getattr(r, name) for r in runs]) for name in _FIGURES}
    return found | {"runs": [asdict(run) for run in runs]}


def _own(runs: Sequence[Result]) -> dict[str, Any]:
    """Figures of hostlift that have a goal of their own."""
    found: dict[str, Any] = {}
    found["objects_per_second"] = spread([r.detail["files"] / r.wall for r in runs])
    changed = [(r.wire, r.detail["changed"]) for r in runs if r.detail.get("changed")]
    if changed:
        found["wire_per_changed_byte"] = spread([wire / size for wire, size in changed])
    return found


def _wall(run: Result) -> float:
    return run.wall


def _durable(run: Result) -> float:
    return run.wall + run.sync


def _cpu(run: Result) -> float:
    return run.cpu_source + run.cpu_target


def _ratio(ours: Sequence[Result], theirs: Sequence[Result], figure: Any) -> dict[str, float]:
    """Ratio of the medians; the spread is that of the ratios within each round."""
    left, right = [figure(r) for r in ours], [figure(r) for r in theirs]
    rounds = [a / b for a, b in zip(left, right, strict=True)]
    median = statistics.median(left) / statistics.median(right)
    return {"median": median, "min": min(rounds), "max": max(rounds)}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    commands = SystemCommands()
    versions = {
        name: commands.run(line, timeout=20).text.splitlines()[0]
        for name, line in {"rsync": ["rsync", "--version"]}.items()
        if commands.which(name)
    }
    return {
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": sys.version.split()[0],
        "load_at_start": os.getloadavg(),
        **versions,
    }


def table(found: Mapping[str, Any]) -> str:
    """The summary for people."""
    head = f"{'tool':18} {'wall s (min-max)':>22} {'+sync':>6} {'cpu src':>8} {'cpu dst':>8}"
    lines = [f"{head} {'wire MiB':>9} {'rss MiB':>9}"]
    for name, tool in found["tools"].items():
        wall = tool["wall"]
        shown = f"{wall['median']:.2f} ({wall['min']:.2f}-{wall['max']:.2f})"
        wire = f"{tool['wire']['median'] / _MIB:.1f}"
        rss = f"{tool['rss_source']['max'] / _MIB:.0f}/{tool['rss_target']['max'] / _MIB:.0f}"
        lines.append(
            f"{name:18} {shown:>22} {tool['sync']['median']:6.2f}"
            f" {tool['cpu_source']['median']:8.2f} {tool['cpu_target']['median']:8.2f}"
            f" {wire if wire != '0.0' else '-':>9} {rss if rss != '0/0' else '-':>9}"
        )
    for against, ratios in (
        (f"best rsync, {found['best_rsync']}", found.get("ratio", {})),
        ("rsync-ssh", found.get("ratio_rsync_ssh", {})),
    ):
        for figure, ratio in ratios.items():
            span = f"{ratio['min']:.3f}-{ratio['max']:.3f}"
            lines.append(f"ratio to {against}: {figure} {ratio['median']:.3f} ({span})")
    own = [f for f in ("objects_per_second", "wire_per_changed_byte") if f in found]
    lines += [f"{OURS}: {figure} {found[figure]['median']:.2f}" for figure in own]
    return "\n".join(lines)
