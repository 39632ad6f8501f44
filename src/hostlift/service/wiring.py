# SPDX-License-Identifier: Apache-2.0
"""Concrete parts for a run: settings, folder, journal, cloud."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hostlift.clouds.registry import CloudAccess, open_cloud, usual_tariff
from hostlift.errors import ConfigError, StateError
from hostlift.events import EventSink, Note
from hostlift.flow import client_data
from hostlift.flow.agent_door import open_agent
from hostlift.flow.before.inspection import Look
from hostlift.flow.carried.offline import RememberedCloud
from hostlift.flow.context import Confirm, Context
from hostlift.flow.journal import COPYING, Journal, Record, open_journal
from hostlift.flow.ledger import Ledger
from hostlift.flow.waiting import PausableClock, Waiter
from hostlift.host.clock import SystemClock
from hostlift.host.command import SystemCommands
from hostlift.host.descriptors import allow_many
from hostlift.host.files import atomic_write
from hostlift.ports.cloud import Cloud
from hostlift.service.lock import only_one
from hostlift.service.log import logged
from hostlift.service.progress import shown_to_others
from hostlift.settings.folder import Workspace
from hostlift.settings.loading import file_warnings, load
from hostlift.settings.original import inherited, original_of
from hostlift.settings.user_config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every job is called with.

    Attributes:
        folder: The state folder: user_config.json, client_data, Excludes, Logs.
        root: Where the source's root is mounted; ``/`` for the running system.
        overrides: Settings given on the command line.
        environ: The environment, as the front door saw it.
        stop: Set it to pause.
    """

    folder: Path
    sink: EventSink
    root: Path = Path("/")
    overrides: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)


def settings(options: Options, *, complete: bool) -> Settings:
    """The wishes; ``complete`` demands what a migration needs."""
    taken = inherited(options.folder, options.overrides)
    return load(
        options.folder,
        overrides={**taken.values, **_given(options)},
        environ=options.environ,
        complete=complete,
    )


def _given(options: Options) -> dict[str, object]:
    return {key: value for key, value in options.overrides.items() if value is not None}


def cloud(wishes: Settings, options: Options) -> Cloud:
    """The driver for the wished region and endpoint; its retries end when the user pauses."""
    env = options.environ
    temporary = wishes.access_id == env.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    access = CloudAccess(
        region=wishes.region_id,
        access_id=wishes.access_id,
        secret_key=wishes.secret_key.get_secret_value(),
        security_token=env.get("ALIBABA_CLOUD_SECURITY_TOKEN", "") if temporary else "",
        endpoint=wishes.endpoint,
        proxy=wishes.proxy.get_secret_value(),
        inside=wishes.vpc_endpoints,
    )
    return open_cloud("alibaba", access, clock=PausableClock(SystemClock(), options.stop))


@contextmanager
def looking(options: Options, *, cloud_too: bool = True, preflight: bool = False) -> Iterator[Look]:
    """For checks and plans: the cloud is looked at when that is wished and the settings name one.

    Args:
        preflight: It must be, and is asked everything.

    Raises:
        ConfigError: Of ``preflight``, when the settings name no region.
    """
    wishes = settings(options, complete=False)
    if preflight and not wishes.region_id:
        raise ConfigError("is empty; the cloud of a region is to be checked", subject="region_id")
    for text in inherited(options.folder, options.overrides).notes:
        options.sink(Note(text))
    yield Look(
        source_root=_root(options),
        settings=wishes,
        workspace=Workspace(options.folder),
        commands=SystemCommands(),
        clock=SystemClock(),
        cloud=cloud(wishes, options) if cloud_too and wishes.region_id else None,
        preflight=preflight,
    )


@contextmanager
def opened(options: Options, confirm: Confirm, *, repair: bool = False) -> Iterator[Context]:
    """Everything a migration needs; the folder is locked while it is open.

    Args:
        repair: A lost ``client_data.db`` is made anew from the migration id in client_data.
    """
    allow_many()
    wishes = settings(options, complete=not repair)
    workspace = Workspace(options.folder)
    workspace.ensure()
    clock = SystemClock()
    with ExitStack() as stack:
        stack.enter_context(only_one(workspace.folder))
        sink = stack.enter_context(logged(workspace.logs, clock, options.sink))
        sink = stack.enter_context(shown_to_others(workspace.progress, clock, sink))
        for text in file_warnings(workspace.folder):
            sink(Note(text, "warning"))
        for text in inherited(options.folder, options.overrides).notes:
            sink(Note(text))
        if original := original_of(workspace.folder):
            atomic_write(workspace.original_data, original, 0o600)
        lost = client_data.migration_of(workspace.client_data)
        watch = client_data.writer(workspace.client_data)
        journal = stack.enter_context(open_journal(workspace.database, clock, watch))
        if not journal.state.migration:
            journal.append(Record.MIGRATION, id=_migration_id(workspace, journal, lost, repair))
        shut = not repair and wishes.net_mode == 1 and journal.state.stage == COPYING
        driver = _remembered(wishes, journal) if shut else cloud(wishes, options)
        waiter = Waiter(clock, sink, options.stop)
        yield Context(
            settings=wishes,
            workspace=workspace,
            source_root=_root(options),
            cloud=driver,
            commands=SystemCommands(),
            clock=clock,
            sink=sink,
            waiter=waiter,
            journal=journal,
            ledger=Ledger(journal, driver, waiter),
            agents=open_agent,
            confirm=confirm,
        )


def _remembered(wishes: Settings, journal: Journal) -> Cloud:
    """What stands in for the driver where the API cannot be reached."""
    return RememberedCloud(journal.state, usual_tariff("alibaba", wishes.region_id))


def _migration_id(workspace: Workspace, journal: Journal, lost: str, repair: bool) -> str:
    if not lost or journal.history():
        return f"m-{secrets.token_hex(6)}"
    if repair:
        return lost
    raise StateError(
        f"is missing, but client_data tells of migration {lost}",
        subject=str(workspace.database),
        hint="Put the file back, or run 'hostlift data clear' to release what was made.",
    )


def _root(options: Options) -> Path:
    root = options.root.resolve()
    if not (root / "etc").is_dir():
        raise ConfigError(
            "holds no root file system (there is no etc/ in it)",
            subject=f"--root {options.root}",
            hint="Mount the source's root file system and name its mount point.",
        )
    return root
