# SPDX-License-Identifier: Apache-2.0
"""The house rules, as the tools that know them see this tree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = (".ci", "demo", "scripts", "src", "tests")
BIN = Path(sys.executable).parent
# Words of ours and of the old tool that a spelling dictionary does not know.
WORDS = "caf,ser"
OLD_SPELLINGS = "accesssid"


def said(*line: str, timeout: float = 600) -> str:
    """Output of a tool that found something; empty when it found nothing."""
    ours = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    environment = {**os.environ, "PYTHONPATH": ours, "MYPYPATH": ours}
    done = subprocess.run(
        line,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def shell_scripts() -> list[str]:
    """Every file of ours that starts as a shell script."""
    files = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.is_file()]
    shells = (b"#!/bin/sh", b"#!/bin/bash")
    return sorted(str(p.relative_to(ROOT)) for p in files if p.read_bytes().startswith(shells))


def test_ruff_finds_nothing() -> None:
    """The linter's rules hold everywhere."""
    assert said(str(BIN / "ruff"), "check", "--quiet", ".") == ""


def test_everything_is_formatted() -> None:
    """One style of layout."""
    assert said(str(BIN / "ruff"), "format", "--check", "--quiet", ".") == ""


@pytest.mark.slow
def test_types_are_complete_and_right() -> None:
    """mypy strict over the product, the benchmarks and the demo."""
    assert said(str(BIN / "mypy")) == ""
    assert said(str(BIN / "mypy"), "benchmarks") == ""
    assert said(str(BIN / "mypy"), "demo", "--exclude", "demo/source/recipe") == ""


def test_import_contracts_are_kept() -> None:
    """The floor plan of `.importlinter`."""
    assert said(str(BIN / "lint-imports")) == ""


def test_words_are_spelled_right() -> None:
    """Texts and comments, in code and documents."""
    skipped = ".git,.venv,dist,build,*.pyc,.mypy_cache,.ruff_cache,.hypothesis,tests/data,LICENSE"
    ignored = f"{WORDS},{OLD_SPELLINGS}"
    assert said(str(BIN / "codespell"), "--skip", skipped, "-L", ignored, ".") == ""


def test_shell_scripts_are_sound() -> None:
    """shellcheck over every script."""
    scripts = shell_scripts()
    assert "scripts/setup" in scripts
    assert said("shellcheck", *scripts) == ""
