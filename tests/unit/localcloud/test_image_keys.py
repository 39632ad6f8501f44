# SPDX-License-Identifier: Apache-2.0
"""The names of image folders, and the answer while an image is not built."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.errors import HostError
from hostlift.localcloud.images import cache, stock


def recipe(folder: Path) -> Path:
    (folder / "part").mkdir(parents=True)
    (folder / "part" / "file").write_text("content")
    return folder


def test_equal_recipes_have_equal_keys(tmp_path: Path) -> None:
    """The key says what an image is made from, not where the recipe lies or how old it is."""
    one, two = recipe(tmp_path / "one"), recipe(tmp_path / "two")
    (two / "part" / "cached.pyc").write_bytes(b"other")
    assert cache.key_of("x", ("a", "b"), one) == cache.key_of("x", ("a", "b"), two)


def test_every_part_of_a_recipe_changes_the_key(tmp_path: Path) -> None:
    """Words, their borders, content, names and the right to execute."""
    folder = recipe(tmp_path / "one")
    keys = {cache.key_of("x", ("ab", "c"), folder), cache.key_of("x", ("a", "bc"), folder)}
    (folder / "part" / "file").write_text("other content")
    keys.add(cache.key_of("x", ("ab", "c"), folder))
    (folder / "part" / "file").chmod(0o755)
    keys.add(cache.key_of("x", ("ab", "c"), folder))
    (folder / "part" / "file").rename(folder / "part" / "renamed")
    keys.add(cache.key_of("x", ("ab", "c"), folder))
    assert len(keys) == 5
    assert all(key.startswith("x-") for key in keys)


def test_an_image_that_is_not_built_says_how_to_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of an empty cache is named; the hint is a command."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(HostError) as caught:
        stock.image()
    assert caught.value.subject == stock.IMAGE_ID
    assert "make setup" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
