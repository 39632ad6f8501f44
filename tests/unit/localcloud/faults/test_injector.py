# SPDX-License-Identifier: Apache-2.0
"""Which faults strike which calls."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hostlift.localcloud.faults.injector import Faults
from hostlift.localcloud.faults.kinds import (
    NATURES,
    Fault,
    FaultKind,
    Moment,
    can_strike,
    kinds_for,
)

CALLS = ["CreateVpc", "DescribeVpcs", "DescribeVpcs", "CreateVSwitch", "DescribeVpcs"]


def _struck(*faults: Fault, seed: int = 0, account: str = "main") -> list[int]:
    """Numbers of the calls that are struck."""
    injector = Faults(seed=seed)
    injector.add(faults)
    hits = [injector.strike("vpc", action, account) for action in CALLS]
    return [n for n, hit in enumerate(hits, 1) if hit]


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fault(kind=FaultKind.THROTTLE), [1]),
        (Fault(kind=FaultKind.THROTTLE, times=2), [1, 2]),
        (Fault(kind=FaultKind.THROTTLE, times=0), [1, 2, 3, 4, 5]),
        (Fault(kind=FaultKind.THROTTLE, action="Describe*", times=0), [2, 3, 5]),
        (Fault(kind=FaultKind.THROTTLE, action="Describe*", nth=2), [3]),
        (Fault(kind=FaultKind.THROTTLE, action="Describe*", nth=2, times=2), [3, 5]),
        (Fault(kind=FaultKind.THROTTLE, action="vpc:Create*", times=0), [1, 4]),
        (Fault(kind=FaultKind.THROTTLE, action="ecs:*", times=0), []),
        (Fault(kind=FaultKind.THROTTLE, call=4), [4]),
        (Fault(kind=FaultKind.STALE, times=0), [2, 3, 5]),
        (Fault(kind=FaultKind.STALE, call=4), []),
        (Fault(kind=FaultKind.THROTTLE, account="partner", times=0), []),
    ],
)
def test_a_fault_strikes_the_calls_it_names(fault: Fault, struck: list[int]) -> None:
    """By pattern, by the how manieth match, by the number of the call, by account."""
    assert _struck(fault) == struck


def test_faults_that_refuse_take_turns() -> None:
    """The second one strikes the call after; an effect strikes beside them."""
    injector = Faults()
    kinds = (FaultKind.THROTTLE, FaultKind.INTERNAL, FaultKind.SLOW)
    injector.add([Fault(kind=kind, action="CreateVpc") for kind in kinds])
    struck = [[f.kind for f in injector.strike("vpc", "CreateVpc", "main")] for _ in range(3)]
    assert struck == [
        [FaultKind.THROTTLE, FaultKind.SLOW],
        [FaultKind.INTERNAL],
        [],
    ]


def test_luck_is_the_same_for_the_same_seed() -> None:
    """A run that failed by chance fails again."""
    fault = Fault(kind=FaultKind.THROTTLE, chance=0.5, times=0)
    assert _struck(fault, seed=7) == _struck(fault, seed=7)
    assert len({tuple(_struck(fault, seed=seed)) for seed in range(20)}) > 5


def test_every_call_is_remembered_with_what_struck_it() -> None:
    """So that a test can strike each call of a run in turn."""
    injector = Faults()
    injector.add([Fault(kind=FaultKind.SLOW, action="CreateVSwitch")])
    for action in CALLS:
        injector.strike("vpc", action, "main")
    assert [(m.number, m.action) for m in injector.made] == list(enumerate(CALLS, 1))
    assert [m.struck for m in injector.made if m.struck] == [(FaultKind.SLOW,)]
    assert [a.struck for a in injector.armed()] == [1]
    injector.clear()
    assert (injector.made, injector.armed()) == ([], [])


def test_every_kind_says_what_it_is() -> None:
    """A meaning each; a refusal has a code, and only what strikes can be listed for an action."""
    assert set(NATURES) == set(FaultKind)
    refusals = {k for k, n in NATURES.items() if n.moment is Moment.BEFORE and n.code}
    assert {FaultKind.THROTTLE, FaultKind.NO_STOCK, FaultKind.INTERNAL} < refusals
    assert FaultKind.STALE in kinds_for("DescribeVpcs")
    assert FaultKind.STALE not in kinds_for("CreateVpc")
    assert FaultKind.NO_STOCK in kinds_for("RunInstances")
    assert FaultKind.FAILS in kinds_for("CreateSnapshot")
    assert FaultKind.ERROR not in kinds_for("CreateVpc")
    assert all(can_strike(k, "RunInstances") for k in kinds_for("RunInstances"))


def test_an_error_without_a_code_is_no_fault() -> None:
    """Nor is one with an unknown word."""
    with pytest.raises(ValidationError, match="needs a code"):
        Fault(action="CreateVpc")
    with pytest.raises(ValidationError, match="actoin"):
        Fault(actoin="CreateVpc", code="X")
