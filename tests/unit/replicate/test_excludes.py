# SPDX-License-Identifier: Apache-2.0
"""Filter patterns; the system ring compares them with rsync's own reading."""

from __future__ import annotations

import pytest

from hostlift.replicate.excludes import Excludes, literal


@pytest.mark.parametrize(
    ("rule", "path", "directory", "out"),
    [
        ("/var/cache/*", b"var/cache/apt", True, True),
        ("/var/cache/*", b"var/cache", True, False),
        ("/var/cache/*", b"srv/var/cache/apt", True, False),
        ("core", b"home/u/core", False, True),
        ("core/", b"home/u/core", False, False),
        ("cache/x", b"home/u/cache/x", False, True),
        ("cache/x", b"home/u/acache/x", False, False),
        ("*.log", b"var/log/a.log", False, True),
        ("/a/**/z", b"a/b/c/z", False, True),
        ("**/deep", b"deep", False, True),
        ("dir/***", b"dir", True, True),
        ("dir/***", b"dir/a/b", False, True),
        ("dir/***", b"dir", False, False),
        ("[!a]x", b"bx", False, True),
        ("x[", b"x[", False, False),
        ("/swap\\file", b"swap\\file", False, True),
        ("# swap", b"# swap", False, False),
        ("/\udcff", b"\xff", False, True),
    ],
)
def test_a_pattern_means_what_rsync_means(
    rule: str, path: bytes, directory: bool, out: bool
) -> None:
    """Anchors, depth, classes, directories."""
    assert Excludes([rule]).leaves_out(path, directory=directory) is out


def test_the_first_rule_that_matches_wins() -> None:
    """An include before the exclude saves one file."""
    rules = Excludes(["+ /log/keep", "- /log/*", "/log/keep"])
    assert not rules.leaves_out(b"log/keep", directory=False)
    assert rules.leaves_out(b"log/other", directory=False)


@pytest.mark.parametrize(
    "path", [b"plain", b"a b", b"x[1]", b"*", b"q?", b"b\\s", b"[\\]", b"\xfe#", b"-"]
)
def test_a_literal_pattern_matches_its_path_and_no_other(path: bytes) -> None:
    """Wildcards in names are only characters."""
    rules = Excludes([literal(path)])
    assert rules.leaves_out(path, directory=False)
    assert not rules.leaves_out(path + b"x", directory=False)
    assert not rules.leaves_out(b"d/" + path, directory=False)


def test_the_root_cannot_be_excluded() -> None:
    """Even by a pattern that matches everything."""
    assert not Excludes(["*", "/***"]).leaves_out(b".", directory=True)
