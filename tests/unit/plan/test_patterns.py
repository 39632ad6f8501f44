# SPDX-License-Identifier: Apache-2.0
"""Exclude patterns, seen from another directory."""

from __future__ import annotations

import pytest

from hostlift.plan.patterns import excluded, matches, rebase


@pytest.mark.parametrize(
    ("pattern", "folder", "seen"),
    [
        ("/home/a/*", "/home", ("/a/*",)),
        ("/home/a/b/", "/home/a", ("/b/",)),
        ("/srv/x", "/home", ()),
        ("/home/", "/home", ("/*",)),
        ("/mnt/*", "/mnt/disk1", ("/*",)),
        ("/mnt", "/mnt/disk1", ("/*",)),
        ("/*/tmp", "/home", ("/tmp",)),
        ("/h?me/[ab]", "/home", ("/[ab]",)),
        ("/**/tmp", "/a/b", ("/**/tmp",)),
        ("*.log", "/home", ("*.log",)),
        ("+ /home/keep", "/home", ("+ /keep",)),
        ("+ /home", "/home", ()),
        ("- /home/a", "/home", ("- /a",)),
    ],
)
def test_a_pattern_is_rebased(pattern: str, folder: str, seen: tuple[str, ...]) -> None:
    """What starts at the disk's root starts at the volume's afterwards."""
    assert rebase([pattern], folder) == seen


@pytest.mark.parametrize(
    ("patterns", "path", "hit"),
    [
        (("/mnt/*",), "/mnt/a/b", "/mnt/*"),
        (("/mnt/*",), "/mnt", ""),
        (("/mnt/",), "/mnt/a", "/mnt/"),
        (("cache",), "/var/cache/x", "cache"),
        (("+ /mnt/a", "/mnt/*"), "/mnt/a", ""),
        (("/mnt/*", "+ /mnt/a"), "/mnt/a", "/mnt/*"),
    ],
)
def test_the_first_matching_pattern_decides(patterns: tuple[str, ...], path: str, hit: str) -> None:
    """As rsync reads its filter files; a directory above takes all below with it."""
    assert excluded(patterns, path) == hit


@pytest.mark.parametrize(
    ("glob", "text", "hit"),
    [
        ("a*", "a/b", False),
        ("a**", "a/b", True),
        ("[!a]b", "cb", True),
        ("[!a]b", "ab", False),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("a[b", "a[b", True),
        ("a.c", "abc", False),
    ],
)
def test_globs_are_rsyncs(glob: str, text: str, hit: bool) -> None:
    """One star stops at a slash, two do not."""
    assert matches(glob, text) is hit
