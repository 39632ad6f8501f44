# SPDX-License-Identifier: Apache-2.0
"""FAQ 9: disk sizes are settled when the intermediate instance is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.stories import World
from fakes.stories import sync as warm

from hostlift.errors import ConfigError
from hostlift.ports.cloud import ResourceKind

pytestmark = pytest.mark.root


def test_other_sizes_are_refused_once_there_are_disks(tmp_path: Path) -> None:
    """With what the FAQ says to do; nothing is lost, and the old size goes on."""
    world = World(tmp_path)
    world.run(verb=warm)
    before = world.cloud.alive()
    was = world.settings
    world.settings = was.model_copy(update={"system_disk_size": 90})
    with pytest.raises(ConfigError) as caught:
        world.run()
    assert "system_disk_size" in caught.value.subject
    assert "90" in caught.value.message
    assert "data clear" in caught.value.hint
    assert "--cleardata" in caught.value.hint
    assert world.cloud.alive() == before
    world.settings = was
    world.run()
    world.assert_ended_well()


def test_other_sizes_are_welcome_when_the_instance_is_gone(tmp_path: Path) -> None:
    """The copy starts over anyway."""
    world = World(tmp_path)
    world.run(verb=warm)
    for resource in world.cloud.alive(ResourceKind.INSTANCE):
        world.cloud.lose(resource.id)
    world.settings = world.settings.model_copy(update={"system_disk_size": 90})
    world.run()
    world.assert_ended_well()
    (image,) = world.cloud.alive(ResourceKind.IMAGE)
    made = world.cloud.things[image.id].image
    assert made is not None
    assert made.disks[0].size_gib == 90
