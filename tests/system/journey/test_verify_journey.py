# SPDX-License-Identifier: Apache-2.0
"""A whole migration, and its receipt checked again from outside: against source and image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.rehearsal import rehearsal
from fakes.source_disks import attached
from typer.testing import CliRunner

from demo.source import disks
from hostlift.cli.main import app
from hostlift.host.mounts import mounted
from hostlift.localcloud.kinds import open_kind

pytestmark = [pytest.mark.root, pytest.mark.slow]


def verified(*line: str) -> dict[str, Any]:
    """What the program says in JSON."""
    done = CliRunner().invoke(app, list(line))
    return dict(json.loads(done.stdout))


@contextmanager
def image_of(snapshots: Sequence[str], folder: Path) -> Iterator[Path]:
    """The exported disks of an image, put together to be written to."""
    root = folder / "copy"
    root.mkdir()
    with ExitStack() as stack:
        for snapshot, point in zip(snapshots, ("", "data"), strict=True):
            loop = stack.enter_context(attached(folder / f"{snapshot}.qcow2", folder))
            stack.enter_context(mounted(f"{loop}p1", root / point, kind="ext4"))
        yield root


def test_source_and_adapted_image_agree_with_the_receipt(tmp_path: Path) -> None:
    """Every difference of the captured image is one that the adaptation wrote down and can undo."""
    built = disks.build(lambda _line: None)
    with ExitStack() as stack:
        system = stack.enter_context(attached(built.system, tmp_path))
        data = stack.enter_context(attached(built.data, tmp_path))
        partitions = ((f"{system}p1", "/"), (f"{data}p1", "/data"))
        world = stack.enter_context(rehearsal(tmp_path, partitions))
        world.configure()
        ended = world.migrate()
        assert ended.status == 0, ended.err
        (receipt,) = (world.workspace / "receipts").glob("*.json.sig")
        line = ["verify", "--receipt", str(receipt.with_suffix("")), "--json"]
        source = verified(*line, "--root", str(world.source))
        assert source["ok"], source
        compute, _ = open_kind("process", world.cloud)
        done = json.loads((world.workspace / "client_data").read_text())
        for snapshot in done["snapshot_ids"]:
            file = tmp_path / f"{snapshot}.qcow2"
            compute.export(snapshot, str(file))
            line += ["--image", str(file)]
        image = verified(*line)
        assert image["ok"], image
        assert any("recorded" in kind for v in image["volumes"] for kind in v["counts"])
        # The intermediate instance is gone; what it did is taken back by what came home.
        copy = stack.enter_context(image_of(done["snapshot_ids"], tmp_path))
        ledger = receipt.with_name(receipt.name.removesuffix(".json.sig") + ".ledger")
        undone = verified("adapt", "--undo", str(ledger), "--root", str(copy), "--yes", "--json")
        assert "/etc/network/interfaces" in undone["restored"]
        after = verified(*line[:4], "--root", str(copy))
        assert after["ok"], after
        assert [v["counts"] for v in after["volumes"]] == [{}, {}]
