# SPDX-License-Identifier: Apache-2.0
"""Sold out after all: what was listed as in stock is refused when it is ordered."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.paperstories import PaperStage

from hostlift.errors import HostliftError
from hostlift.flow.results import need
from hostlift.localcloud.faults.kinds import Fault, FaultKind
from hostlift.localcloud.offer.stock import Shortage

pytestmark = [pytest.mark.root]


def sold_out(times: int, code: str = "OperationDenied.NoStock") -> Fault:
    return Fault(kind=FaultKind.ERROR, action="RunInstances", code=code, status=403, times=times)


@pytest.mark.parametrize(
    "code",
    [
        "OperationDenied.NoStock",
        "Zone.NotOnSale",
        "InvalidDiskCategory.NotSupported",
        "OperationDenied.ZoneSystemCategoryNotMatch",
        "QuotaExceed.ElasticQuota",
    ],
)
def test_the_next_offer_is_bought_with_a_subnet_where_it_is(tmp_path: Path, code: str) -> None:
    """Four refusals lead past the zones of the first type; one subnet is left for each instance."""
    stage = PaperStage(tmp_path, wishes={"faults": (sold_out(4, code),)})
    try:
        results = stage.run()
        orders = [c for c in stage.paper.cloud.faults.made if c.action == "RunInstances"]
        assert len(orders) == 6  # four refused, the intermediate one, the trial
        assert need(results.provision).zone
        assert stage.left() == {"images": 1, "snapshots": 1}
    finally:
        stage.close()


def test_a_zone_the_user_named_is_not_left(tmp_path: Path) -> None:
    """Other types there are tried; when there is none, the error names what can be changed."""
    nothing = (Shortage(zone="cn-hangzhou-h", instance_type="*"),)
    stage = PaperStage(tmp_path, wishes={"stock": nothing})
    stage.settings = stage.settings.model_copy(update={"zone_id": "cn-hangzhou-h"})
    try:
        with pytest.raises(HostliftError) as caught:
            stage.run()
        assert caught.value.code == "cloud.stock"
        assert "zone_id" in caught.value.hint
        assert "instances" not in stage.left()
    finally:
        stage.close()
