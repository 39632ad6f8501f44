# SPDX-License-Identifier: Apache-2.0
"""Every code has a line, and the page says what the code says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hostlift.errors import ConfigError
from hostlift.service.explaining import explain, page

ROOT = Path(__file__).parents[3]


def codes_in_source() -> set[str]:
    """What classes of errors give as their ``code``, wherever they are."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            bases = {ast.unparse(b) for b in node.bases} if isinstance(node, ast.ClassDef) else ()
            if isinstance(node, ast.ClassDef) and any(b.endswith("Error") for b in bases):
                found |= {
                    str(ast.literal_eval(s.value))
                    for s in node.body
                    if isinstance(s, ast.Assign) and ast.unparse(s.targets[0]) == "code"
                }
    return found


def test_the_page_is_what_the_code_says() -> None:
    """`hostlift errors > docs/errors.md` makes it anew."""
    assert (ROOT / "docs" / "errors.md").read_text() == page()


def test_every_code_of_ours_is_on_the_page() -> None:
    """Whichever module an error is defined in."""
    codes = codes_in_source()
    assert len(codes) > 15
    text = page()
    assert [code for code in codes if f"| `{code}` |" not in text] == []


def test_a_code_is_explained_whoever_it_is_of() -> None:
    """Ours, and the cloud's by its longest pattern."""
    assert explain("check.blocked").handling == "exit status 3"
    assert "CNY 100" in explain("InsufficientBalance").remedy
    assert "vpc_id" in explain("QuotaExceeded.Vpc").remedy


def test_an_unknown_code_is_not_explained_away() -> None:
    """It says so."""
    with pytest.raises(ConfigError, match="knows"):
        explain("Something.New")
