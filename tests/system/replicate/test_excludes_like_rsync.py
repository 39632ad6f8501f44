# SPDX-License-Identifier: Apache-2.0
"""Our reading of filter patterns against rsync's own, over random patterns and a fixed tree."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hostlift.host.command import SystemCommands
from hostlift.replicate.excludes import Excludes

COMMANDS = SystemCommands()
PATHS = (
    "a", "b.txt", "a b", "core", "dir/", "dir/a", "dir/core/", "dir/core/x", "dir/sub/", "dir/sub/a",
    "dir/sub/b.txt", "dir/sub/deep/", "dir/sub/deep/a.log", "dir/sub/deep/core", "var/", "var/log/",
    "var/log/a.log", "var/log/b.log.1", "var/log/dir/", "var/log/dir/x", "x[1]", "star*", "back\\slash",
    "tmp/", "tmp/a", "tmp/.hidden", "UP/", "UP/Case", "a-b", "a]b",
)  # fmt: skip
PIECES = (
    "a", "b", "core", "dir", "sub", "deep", "var", "log", "x", "*", "**", "?", "[a-c]", "[!a]", "[^x]",
    "[[:upper:]]", "[[:alpha:]-]", "[]a]", ".log", ".txt", "\\*", "\\\\", "[", "]", "1", " ", "-", "/", "/", "/", "***",
)  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMMANDS.which("rsync") is None:
        pytest.skip("rsync is not installed")
    root = tmp_path_factory.mktemp("excludes") / "tree"
    root.mkdir()
    for path in PATHS:
        if path.endswith("/"):
            (root / path).mkdir()
        else:
            (root / path).write_bytes(b"")
    return root


def ours(rules: list[str]) -> set[str]:
    excludes = Excludes(rules)
    kept: set[str] = set()
    for path in PATHS:
        parent = path.rstrip("/").rpartition("/")[0]
        if parent and parent + "/" not in kept:
            continue
        if not excludes.leaves_out(path.rstrip("/").encode(), directory=path.endswith("/")):
            kept.add(path)
    return kept


def theirs(tree: Path, rules: list[str]) -> set[str]:
    file = tree.parent / "rules"
    file.write_text("".join(f"{rule}\n" for rule in rules))
    lines = COMMANDS.run(
        [
            "rsync",
            "-a",
            "-8",
            "--list-only",
            "--out-format=%n",
            f"--exclude-from={file}",
            f"{tree}/",
        ],
        timeout=20,
    ).text.splitlines()
    names = {(line[0] == "d", line.split(maxsplit=4)[4]) for line in lines}
    return {name + "/" * directory for directory, name in names if name != "."}


@pytest.mark.parametrize("seed", range(120))
def test_random_rules_mean_the_same(tree: Path, seed: int) -> None:
    """Up to three rules of random pieces leave out what rsync leaves out."""
    dice = random.Random(seed)
    rules = []
    for _ in range(dice.randint(1, 3)):
        pattern = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 5)))
        lead = dice.choice(["", "", "/", "- ", "+ ", "- /"])
        rules.append(lead + pattern + dice.choice(["", "", "/", "/***"]))
    assert ours(rules) == theirs(tree, rules), rules


@pytest.mark.parametrize(
    "rules",
    [
        ["/dir"],
        ["core"],
        ["core/"],
        ["sub/a"],
        ["/var/log/*"],
        ["+ /var/log/a.log", "- /var/log/*"],
        ["*.log"],
        ["**/deep"],
        ["/**/a"],
        ["dir/**"],
        ["dir/***"],
        ["x[1]"],
        ["x\\[1\\]"],
        ["back\\slash"],
        ["star\\*"],
        ["; comment", "# comment", "", "tmp/"],
        ["- #nothing", "- a b"],
        ["+ dir/", "+ dir/a", "- *"],
        ["!"],
    ],
)
def test_the_usual_rules_mean_the_same(tree: Path, rules: list[str]) -> None:
    """Patterns as people write them."""
    assert ours(rules) == theirs(tree, rules)
