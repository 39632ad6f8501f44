# SPDX-License-Identifier: Apache-2.0
"""The end of the demo, for people and as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from demo.cloud import Arrival
from demo.compare import Comparison
from demo.guestwork import FINISHED, Moved
from demo.signoff import SignOff

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened; ``seconds`` by step."""

    moved: Moved
    arrival: Arrival
    answers: tuple[Comparison, ...]
    verdict: SignOff
    seconds: dict[str, float]

    @property
    def good(self) -> bool:
        """Whether the copy is the source."""
        answered = all(answer.same for answer in self.answers)
        return self.moved.finished and answered and self.verdict.good


def lines(facts: Facts) -> Iterator[str]:
    """The report."""
    moved = facts.moved.report
    passes = moved["passes"]
    octets = sum(p["bytes_read"] for p in passes)
    wire = sum(p["bytes_sent"] for p in passes)
    rate = passes[0]["bytes_read"] / _MIB / max(passes[0]["seconds"], 0.001)
    yield f"=== {facts.moved.hostname} is {facts.moved.image} '{moved['image_name']}'"
    yield (
        f"  moved     {octets / _MIB:.0f} MiB in {passes[0]['files']} objects and {len(passes)}"
        f" passes, {wire / _MIB:.0f} MiB on the wire, first pass at {rate:.1f} MiB/s"
    )
    yield f"  frozen    {facts.moved.freeze_seconds:.1f} s"
    yield f"  edits     {len(moved['edits'])}: " + ", ".join(e["path"] for e in moved["edits"][:8])
    boot = moved["boot"]
    if boot:
        yield f"  proof     trial instance {boot['instance_id']} up after {boot['seconds']:.0f} s"
    yield (
        f"  arrived   {facts.arrival.instance} at {facts.arrival.address}, login prompt after"
        f" {facts.arrival.seconds:.0f} s"
    )
    for answer in facts.answers:
        yield f"  {'same' if answer.same else 'DIFFERS':9} {answer.name}: {answer.detail}"
    word = "same" if facts.verdict.good else "DIFFERS"
    yield f"  {word:9} hostlift verify --against on the copy; the page to sign: {facts.verdict.page}"
    steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in facts.seconds.items())
    yield f"  seconds   {sum(facts.seconds.values()):.0f}: {steps}"
    yield ""
    yield FINISHED if facts.good else "The copy is not the source."


def as_json(facts: Facts) -> dict[str, object]:
    """The same for a program."""
    return {
        "good": facts.good,
        "finished": facts.moved.finished,
        "report": facts.moved.report,
        "arrival": asdict(facts.arrival),
        "answers": [asdict(answer) for answer in facts.answers],
        "verdict": asdict(facts.verdict),
        "seconds": facts.seconds,
    }
