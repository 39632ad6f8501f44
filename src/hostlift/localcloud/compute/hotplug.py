# SPDX-License-Identifier: Apache-2.0
"""Disks that come and go under a running virtual machine, on the hot-plug ports of its command line.

The guest has its say: a disk is gone once its kernel let go of it, which a guest that still boots
does not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hostlift.errors import HostError
from hostlift.localcloud.compute import qmp
from hostlift.localcloud.compute.base import DiskRef
from hostlift.localcloud.compute.qemu_line import blockdev, device_id, disk_device, node_name
from hostlift.localcloud.compute.qmp import Qmp

_PERIPHERAL = "/machine/peripheral"
_ASKED_ALREADY = "already in the process of unplug"
_STILL_USED = "is in use"


def plug(folder: Path, disk: DiskRef, file: Path) -> None:
    """Show a disk to the machine whose control socket is in ``folder``; shown already is fine.

    Raises:
        HostError: Every port is taken, or QEMU cannot open the file.
    """
    with qmp.connected(folder) as control:
        if _has_device(control, disk.id):
            return
        if not _has_node(control, disk.id):
            control.execute("blockdev-add", **blockdev(disk, file))
        control.execute("device_add", **disk_device(disk, bus=_free_port(control)))


def unplug(folder: Path, disk: str) -> bool:
    """Ask the guest to let go of a disk; True once it has and QEMU closed the file."""
    with qmp.connected(folder) as control:
        if _has_device(control, disk):
            _ask(control, disk)
            return False
        # A device that just went may hold the file a moment longer.
        node = {"node-name": node_name(disk)}
        return not _has_node(control, disk) or _done(control, "blockdev-del", _STILL_USED, node)


def _ask(control: Qmp, disk: str) -> None:
    _done(control, "device_del", _ASKED_ALREADY, {"id": device_id(disk)})


def _done(control: Qmp, command: str, unless: str, arguments: Mapping[str, object]) -> bool:
    """Run a command; False when it is refused in these words: QEMU's refusals have no codes."""
    try:
        control.execute(command, **arguments)
    except HostError as error:
        if unless not in error.message:
            raise
        return False
    return True


def _has_device(control: Qmp, disk: str) -> bool:
    found = control.execute("qom-list", path=_PERIPHERAL)
    return any(item.get("name") == device_id(disk) for item in _rows(found))


def _has_node(control: Qmp, disk: str) -> bool:
    found = control.execute("query-named-block-nodes", flat=True)
    return any(item.get("node-name") == node_name(disk) for item in _rows(found))


def _free_port(control: Qmp) -> str:
    for bus in _rows(control.execute("query-pci")):
        for device in _rows(bus.get("devices")):
            bridge = device.get("pci_bridge")
            if isinstance(bridge, dict) and not bridge.get("devices"):
                return str(device["qdev_id"])
    raise HostError(
        "every hot-plug port is taken",
        subject="AttachDisk",
        hint="The instance sees the disk after its next stop and start.",
    )


def _rows(answer: object) -> list[dict[str, object]]:
    return [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []
