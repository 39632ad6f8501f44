# SPDX-License-Identifier: Apache-2.0
"""A source that passes every check, and the check of an id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import a_machine, some_settings
from fakes.checked import INITRAMFS, RELEASE, Judge, an_image

from hostlift.inspect.checks import CATALOGUE, CheckContext
from hostlift.model.machine import Machine


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files of a source that passes everything."""
    root = tmp_path / "source"
    files = {
        f"boot/config-{RELEASE}": "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_NET=m\n",
        f"lib/modules/{RELEASE}/modules.dep": (
            "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n"
            "kernel/drivers/net/virtio_net.ko.xz: kernel/net/core/failover.ko.xz\n"
        ),
        "etc/fstab": "UUID=AA / ext4 defaults 0 1\n",
        "etc/network/interfaces": "auto lo\niface lo inet loopback\niface ens3 inet dhcp\n",
        "data/x": "",
        "sbin/init": "",
        "usr/sbin/sshd": "",
        "usr/bin/passwd": "",
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
        "etc/shadow": "root:*:1::::::\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "etc/shadow").chmod(0o640)
    (root / INITRAMFS).write_bytes(an_image("virtio", "virtio_blk"))
    return root


@pytest.fixture
def machine(source: Path) -> Machine:
    base = a_machine(root=str(source), clock_skew=1.0)
    systems = (replace(base.file_systems[0], uuid="aa"), *base.file_systems[1:])
    return replace(base, file_systems=systems)


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Runs the check of an id and gives its findings."""

    def run(check: str, machine: Machine, reach: Any = (), uid: int = 0, **wishes: Any) -> Any:
        context = CheckContext(
            settings=some_settings(**wishes), workspace=tmp_path / "state", reach=reach, uid=uid
        )
        (found,) = [c for c in CATALOGUE if c.id == check]
        return found.findings(machine, context)

    return run
