# SPDX-License-Identifier: Apache-2.0
"""The seam under the Alibaba driver: answers from a script, keeps what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakes.clock import FakeClock

from hostlift.clouds.alibaba.account.market import AlibabaMarket
from hostlift.clouds.alibaba.api import Api
from hostlift.clouds.alibaba.driver import AlibabaCloud
from hostlift.clouds.alibaba.transport import Answer, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hostlift.clouds.alibaba.actions import Action
    from hostlift.clouds.alibaba.fields import Json

EMPTY: dict[str, Json] = {
    "DescribeVpcs": {"Vpcs": {"Vpc": []}, "TotalCount": 0},
    "DescribeVSwitches": {"VSwitches": {"VSwitch": []}, "TotalCount": 0},
    "DescribeSecurityGroups": {"SecurityGroups": {"SecurityGroup": []}, "TotalCount": 0},
    "DescribeSecurityGroupAttribute": {"Permissions": {"Permission": []}},
    "DescribeInstances": {"Instances": {"Instance": []}, "TotalCount": 0},
    "DescribeDisks": {"Disks": {"Disk": []}, "TotalCount": 0},
    "DescribeSnapshots": {"Snapshots": {"Snapshot": []}, "TotalCount": 0},
    "DescribeImages": {"Images": {"Image": []}, "TotalCount": 0},
}


class ScriptedTransport:
    """`hostlift.clouds.alibaba.transport.Transport`.

    ``script`` gives what each action answers, in order; the last one stays. Describing what is
    not in the script answers "nothing"; any other action then only says that it was accepted.
    """

    def __init__(self, script: Mapping[str, object]) -> None:
        self.script = {k: list(v) if isinstance(v, list) else [v] for k, v in script.items()}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.told_date: float | Refused = 0.0
        self.answer_date: float | None = None

    def call(self, action: Action, params: Mapping[str, str]) -> Answer:
        self.asked.append((action.api_name, dict(params)))
        left = self.script.get(action.api_name, [EMPTY.get(action.api_name, {})])
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Refused):
            raise answer
        assert isinstance(answer, dict)
        return Answer(answer, self.answer_date)

    def date(self) -> float:
        if isinstance(self.told_date, Refused):
            raise self.told_date
        return self.told_date

    def elsewhere(self, region: str) -> ScriptedTransport:
        del region
        return self

    def params(self, action: str) -> list[dict[str, str]]:
        """What each call of ``action`` asked."""
        return [params for name, params in self.asked if name == action]

    @property
    def actions(self) -> list[str]:
        """The actions called, in order."""
        return [name for name, _ in self.asked]


def a_driver(
    transport: ScriptedTransport, clock: FakeClock | None = None
) -> tuple[AlibabaCloud, FakeClock]:
    """A driver in cn-hangzhou over ``transport``; jitter takes the whole limit."""
    clock = clock or FakeClock()
    api = Api(transport, region="cn-hangzhou", clock=clock, jitter=lambda limit: limit)
    return AlibabaCloud(api, AlibabaMarket(api, lambda: "key of the test", ())), clock
