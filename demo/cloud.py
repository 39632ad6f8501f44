# SPDX-License-Identifier: Apache-2.0
"""The embedded cloud of the demo, started and asked as a user would: the CLI and the API."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.waiting import wait_until
from hostlift.clouds.registry import CloudAccess, open_cloud
from hostlift.host.command import SystemCommands
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.localcloud.kinds import open_kind
from hostlift.ports.cloud import Cloud, Phase, Resource, ResourceKind
from hostlift.ports.instances import InstanceSpec
from hostlift.ports.networks import Rule

KIND = "qemu"
VISITORS = "198.51.100.0/24"
_PORTS = (22, 80, 5432)
_READY_LIMIT = 300.0
_BOOT_LIMIT = 900.0
_DIALOGUE_LIMIT = 300.0
_INHERITED = ("HOME", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedCloud:
    """A cloud that is up.

    Attributes:
        endpoint: For this machine; ``inner_endpoint`` for machines on its internet.
    """

    folder: Path
    endpoint: str
    inner_endpoint: str
    key_id: str
    key_secret: str
    region: str

    def fabric(self) -> NamespaceFabric:
        """Its networks, to put a machine of ours on its internet."""
        _, fabric = open_kind(KIND, self.folder)
        if not isinstance(fabric, NamespaceFabric):
            raise TypeError(f"kind {KIND} has no network namespaces")
        return fabric

    def api(self) -> Cloud:
        """Its API, through the same driver and SDK that hostlift uses."""
        access = CloudAccess(
            region=self.region,
            access_id=self.key_id,
            secret_key=self.key_secret,
            endpoint=self.endpoint,
        )
        return open_cloud("alibaba", access)


@contextmanager
def embedded_cloud(folder: Path) -> Iterator[EmbeddedCloud]:
    """The embedded cloud, up for the length of the block; nothing of it is left afterwards."""
    try:
        said = json.loads(_hostlift("up", folder, "--compute", KIND, "--port", "0", "--json"))
        yield EmbeddedCloud(
            folder=folder,
            endpoint=said["endpoint"],
            inner_endpoint=next(e for e in said["inner_endpoints"] if "//198.51.100." in e),
            key_id=said["access_key_id"],
            key_secret=said["access_key_secret"],
            region=said["region"],
        )
    finally:
        wipe(folder)


def wipe(folder: Path) -> None:
    """Stop the cloud of a folder and delete it; one that is not there is fine."""
    if folder.exists():
        _hostlift("reset", folder, "--yes")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A running instance made from the image; ``seconds`` until its console asked for a login."""

    instance: str
    address: str
    seconds: float
    console: str


def start_from(cloud: EmbeddedCloud, image: str, hostname: str) -> Arrival:
    """Start an instance from an image and wait for the login prompt on its serial console.

    Nothing of it is deleted: it goes with the embedded cloud.
    """
    api = cloud.api()
    place = next(api.instances.placements())
    tags = {"demo": "arrival"}
    vpc = api.networks.create_vpc(cidr="172.30.0.0/16", tags=tags, token=_token())
    _wait_ready(api, ResourceKind.VPC, vpc)
    subnet = api.networks.create_vswitch(
        vpc=vpc, zone=place.zone, cidr="172.30.1.0/24", tags=tags, token=_token()
    )
    _wait_ready(api, ResourceKind.VSWITCH, subnet)
    rules = tuple(Rule(port=port, source=VISITORS) for port in _PORTS)
    group = api.networks.create_security_group(vpc=vpc, rules=rules, tags=tags, token=_token())
    spec = InstanceSpec(
        name="arrival",
        image=image,
        placement=place,
        vswitch=subnet,
        security_group=group,
        system_gib=20,
        tags=tags,
    )
    started = time.monotonic()
    instance = api.instances.run(spec, token=_token())
    state = _wait_ready(api, ResourceKind.INSTANCE, instance)
    prompt = f"{hostname} login:"
    wait_until(
        lambda: prompt in api.instances.console(instance), _BOOT_LIMIT, f"'{prompt}' on the console"
    )
    taken = time.monotonic() - started
    return Arrival(instance, state, taken, api.instances.console(instance))


def _wait_ready(api: Cloud, kind: ResourceKind, name: str) -> str:
    """Wait until it is ready; returns its public address, if it is something that has one."""
    address = ""

    def ready() -> bool:
        nonlocal address
        state = api.state(Resource(kind, name))
        address = state.public_ip if state else ""
        return state is not None and state.phase is Phase.READY

    wait_until(ready, _READY_LIMIT, f"{kind.value} {name}")
    return address


def _token() -> str:
    return uuid.uuid4().hex


def _hostlift(verb: str, folder: Path, *options: str) -> str:
    line = [sys.executable, "-m", "hostlift", "cloud", verb, "--folder", str(folder), *options]
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment = {**inherited, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return SystemCommands().run(line, timeout=_DIALOGUE_LIMIT, env=environment).text
