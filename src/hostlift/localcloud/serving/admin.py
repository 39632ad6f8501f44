# SPDX-License-Identifier: Apache-2.0
"""What the owner of a cloud may ask of it while it runs: faults, settings, hosts on premises.

The words are verbs with JSON in and out, for `hostlift.localcloud.control`. Who knows the token of
``daemon.json``, which only the owner reads, is the owner.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from hostlift.errors import ConfigError, HostliftError, StateError
from hostlift.localcloud import config, credentials
from hostlift.localcloud.cloud import Cloud
from hostlift.localcloud.config import Settings
from hostlift.localcloud.faults.kinds import Fault, FaultKind
from hostlift.localcloud.life import accidents, sites

_STRICT = ConfigDict(extra="forbid")
T = TypeVar("T")
Reply = object
"""Whatever JSON can say."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Nothing:
    """A verb without arguments."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Strike:
    """An instance that is killed or released now; by id or name."""

    kind: FaultKind
    instance: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Join:
    """A host on premises that joins a private network."""

    vpc: str
    namespace: str
    address: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Part:
    """A host on premises that leaves."""

    id: str


class Admin:
    """The owner's side of one cloud.

    Args:
        folder: Where its settings and keys are.
    """

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud = cloud
        self._folder = folder
        self._verbs: dict[str, Callable[[bytes], Reply]] = {
            "faults": _verb(Nothing, self._faults),
            "faults/add": _verb(Fault, self._add),
            "faults/clear": _verb(Nothing, self._clear),
            "strike": _verb(Strike, self._strike),
            "settings": _verb(Settings, self._change),
            "sites": _verb(Nothing, self._sites),
            "sites/join": _verb(Join, self._join),
            "sites/part": _verb(Part, self._part),
        }

    def handle(self, verb: str, body: bytes) -> tuple[int, bytes]:
        """HTTP status and JSON of the answer to a verb."""
        try:
            if verb not in self._verbs:
                raise ConfigError("no such verb", subject=verb)
            return 200, json.dumps(self._verbs[verb](body)).encode()
        except HostliftError as error:
            told = {"message": error.message, "subject": error.subject, "hint": error.hint}
            return 400, json.dumps({**told, "code": error.code}).encode()

    def _faults(self, _ask: Nothing) -> Reply:
        armed = [{**_brief(a.fault), "struck": a.struck} for a in self._cloud.faults.armed()]
        return {"calls": len(self._cloud.faults.made), "faults": armed}

    def _add(self, fault: Fault) -> Reply:
        self._cloud.faults.add([fault])
        return {}

    def _clear(self, _ask: Nothing) -> Reply:
        self._cloud.faults.clear()
        return {}

    def _strike(self, ask: Strike) -> Reply:
        known = self._cloud.store.instances.all()
        hit = [i.id for i in known if ask.instance in {i.id, i.name}]
        if not hit:
            raise StateError("there is no such instance", subject=ask.instance)
        if ask.kind not in {FaultKind.INSTANCE_KILLED, FaultKind.INSTANCE_DELETED}:
            raise ConfigError("only an instance is struck without a call", subject=ask.kind.value)
        self._cloud.jobs.add(accidents.accident(ask.kind, hit[-1]))
        return {"instance": hit[-1]}

    def _change(self, settings: Settings) -> Reply:
        keyring = credentials.load_or_make(self._folder, settings)
        config.save(self._folder, settings)
        self._cloud.change_settings(settings, keyring)
        return {}

    def _sites(self, _ask: Nothing) -> Reply:
        return [asdict(s) for s in self._cloud.store.sites.all()]

    def _join(self, ask: Join) -> Reply:
        return asdict(sites.join(self._cloud, ask.vpc, ask.namespace, ask.address))

    def _part(self, ask: Part) -> Reply:
        sites.part(self._cloud, ask.id)
        return {}


def _verb(kind: type[T], act: Callable[[T], Reply]) -> Callable[[bytes], Reply]:
    adapter = TypeAdapter(kind)

    def run(body: bytes) -> Reply:
        try:
            ask = adapter.validate_json(body or b"{}")
        except ValidationError as error:
            raise ConfigError(f"not usable: {error}", subject=kind.__name__) from error
        return act(ask)

    return run


def _brief(fault: Fault) -> dict[str, object]:
    """What of a fault is not as it would be anyhow."""
    text = TypeAdapter(Fault).dump_json(fault, exclude_defaults=True)
    found: dict[str, object] = json.loads(text)
    return found
