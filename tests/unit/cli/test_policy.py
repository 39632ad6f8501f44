# SPDX-License-Identifier: Apache-2.0
"""``hostlift policy``: the options decide what is in it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from hostlift.cli.main import app


def _said(folder: Path, *arguments: str) -> str:
    ended = CliRunner().invoke(app, ["policy", "--folder", str(folder), *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def _allowed(folder: Path, *arguments: str) -> set[str]:
    statements = json.loads(_said(folder, *arguments))["Statement"]
    return {name for statement in statements for name in statement["Action"]}


def test_what_is_not_wished_needs_no_permission(tmp_path: Path) -> None:
    """Flags win over the folder, which may be empty."""
    usual = _allowed(tmp_path)
    network = ("--vpc-id", "vpc-1", "--vswitch-id", "vsw-1", "--security-group-id", "sg-1")
    assert usual - _allowed(tmp_path, "--no-trial") == {"ecs:GetInstanceConsoleOutput"}
    saved = usual - _allowed(tmp_path, *network)
    assert {"vpc:CreateVpc", "vpc:DeleteVSwitch", "ecs:CreateSecurityGroup"} <= saved
    assert "vpc:TagResources" in saved
    assert "ecs:TagResources" not in saved
    (tmp_path / "user_config.json").write_text('{"trial": false}')
    assert _allowed(tmp_path) == _allowed(tmp_path, "--no-trial")
    assert _allowed(tmp_path, "--trial") == usual


def test_every_permission_is_explained(tmp_path: Path) -> None:
    """Under what needs it; all together they are the policy."""
    lines = _said(tmp_path, "--explain").splitlines()
    assert {line.strip() for line in lines if line.startswith(" ")} == _allowed(tmp_path)
    assert "trial:" in lines
