# SPDX-License-Identifier: Apache-2.0
"""Machines on premises that are joined to private networks."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.calls import Calls
from fakes.papercloud import cloud, paper_cloud

from hostlift.errors import ConfigError, StateError
from hostlift.localcloud.life import sites


def test_a_link_is_made_again_after_a_restart(tmp_path: Path) -> None:
    """Whatever the cloud's networks were made of is gone with them."""
    paper = paper_cloud(tmp_path)
    vpc, _, _ = Calls(paper).network()
    link = sites.join(paper.cloud, vpc, "office", "192.168.77.10/24")
    paper.close()
    again = paper_cloud(tmp_path)
    Calls(again).settle()
    assert again.fabric.links == {link.id: (vpc, "office", "192.168.77.10/24")}
    again.close()


def test_a_link_goes_with_its_network() -> None:
    """Or when it is cut; twice is fine."""
    paper = cloud()
    calls = Calls(paper)
    first, second = (calls.vpc("CreateVpc")["VpcId"] for _ in range(2))
    sites.join(paper.cloud, first, "office", "192.168.77.10/24")
    link = sites.join(paper.cloud, second, "office", "192.168.77.10/24")
    calls.settle()
    calls.vpc("DeleteVpc", VpcId=first)
    assert [s.vpc for s in paper.cloud.store.sites.all()] == [second]
    sites.part(paper.cloud, link.id)
    sites.part(paper.cloud, link.id)
    assert paper.cloud.store.sites.all() == []
    assert link.id not in paper.fabric.links
    paper.close()


@pytest.mark.parametrize("address", ["192.168.77.10", "10.0.9.9/24", "office", "10.0.0.0/8"])
def test_an_address_must_be_outside_of_the_network(address: str) -> None:
    """With the length of its own network."""
    paper = cloud()
    vpc, _, _ = Calls(paper).network()
    with pytest.raises(ConfigError):
        sites.join(paper.cloud, vpc, "office", address)
    with pytest.raises(StateError):
        sites.join(paper.cloud, "vpc-none", "office", "192.168.77.10/24")
    assert paper.fabric.links == {}
    paper.close()
