# SPDX-License-Identifier: Apache-2.0
"""Taking over a folder of the original tool."""

from __future__ import annotations

import json
from pathlib import Path

from hostlift.events import Event, Note
from hostlift.service.wiring import Options, opened

WISHES = {"region_id": "cn-hangzhou", "image_name": "web01"}
DATA = {
    "transition": {"vpc": {"vpc_id": "vpc-1"}, "vswitch": {"vswitch_id": "vsw-1"}},
    "extra": {
        "net": {"net_mode": 2, "proxy": {"ip_port": "192.0.2.9:3128", "user_pwd": "me:pw-7"}}
    },
}


def test_a_rerun_finds_the_same_wishes_and_says_so_again(tmp_path: Path) -> None:
    """Our client_data takes the place of the original's, which is kept for its owner only."""
    (tmp_path / "user_config.json").write_text(json.dumps(WISHES))
    (tmp_path / "client_data").write_text(json.dumps(DATA))
    for _ in range(2):
        told: list[Event] = []
        with opened(Options(folder=tmp_path, sink=told.append), lambda _: True) as ctx:
            assert (ctx.settings.net_mode, ctx.settings.vpc_id) == (2, "vpc-1")
            assert ctx.settings.proxy.get_secret_value() == "http://me:pw-7@192.0.2.9:3128"
        notes = [e.text for e in told if isinstance(e, Note)]
        assert len([n for n in notes if "taken over from client_data" in n]) == 4
        assert "migration" in json.loads((tmp_path / "client_data").read_text())
    kept = tmp_path / "client_data.original"
    assert json.loads(kept.read_text()) == DATA
    assert kept.stat().st_mode & 0o777 == 0o600
    logs = "".join(p.read_text() for p in (tmp_path / "Logs").iterdir())
    assert "taken over" in logs
    assert "pw-7" not in logs
