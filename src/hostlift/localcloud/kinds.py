# SPDX-License-Identifier: Apache-2.0
"""The kinds of compute, by name; each is imported only when it is asked for."""

from __future__ import annotations

from pathlib import Path

from hostlift.errors import ConfigError
from hostlift.localcloud.compute.base import Compute, Fabric

KINDS = ("qemu", "process", "paper")


def open_kind(name: str, folder: Path) -> tuple[Compute, Fabric]:
    """What stands behind the instances of the cloud in ``folder``.

    Raises:
        ConfigError: There is no such kind.
    """
    match name:
        case "qemu":
            from hostlift.localcloud.compute.qemu import QemuCompute  # noqa: PLC0415
            from hostlift.localcloud.fabric.netns import NamespaceFabric  # noqa: PLC0415

            fabric = NamespaceFabric(folder, folder.name)
            return QemuCompute(folder, fabric), fabric
        case "process":
            from hostlift.localcloud.compute.process import ProcessCompute  # noqa: PLC0415
            from hostlift.localcloud.fabric.netns import NamespaceFabric  # noqa: PLC0415

            fabric = NamespaceFabric(folder, folder.name)
            return ProcessCompute(folder, fabric), fabric
        case "paper":
            from hostlift.localcloud.compute.paper import PaperCompute, PaperFabric  # noqa: PLC0415

            return PaperCompute(folder), PaperFabric()
        case _:
            raise ConfigError(f"no such kind; there are {', '.join(KINDS)}", subject=name)
