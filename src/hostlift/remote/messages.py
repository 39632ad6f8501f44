# SPDX-License-Identifier: Apache-2.0
"""The control API between client and agent: every call with its request and answer.

HTTPS on 8080, TLS 1.3, each side pinned to the other's certificate. Bodies are JSON made of the
dataclasses below by pydantic's `TypeAdapter`.

    GET  /v1/hello                  -> Hello
    POST /v1/jobs     JobOrder      -> JobStatus      header ``Hostlift-Attempt``: see below
    GET  /v1/jobs/ID?wait=SECONDS   -> JobStatus      answers early when the state changes
    GET  /v1/jobs/ID/entries        -> octets: `Entry` records of a REREAD job, each preceded by
                                       its length as 4 bytes big endian, zstd-compressed as one frame
    GET  /v1/files/NAME             -> octets of a file an ADAPT job left (the edit ledger's backups)
    PUT  /v1/archive                -> the archive to run from, at both stages; see `seed.service`

An error answers 4xx/5xx with `Refusal`. A job's order is content-addressed: its id is the hex
blake3 of kind and request. One job runs at a time (``agent.busy``). Posting within one attempt, a
random word, shows the job; under another attempt it is run again, which is harmless. A finished
job's status is kept on disk and survives an agent crash; an unfinished one is forgotten then
(``agent.forgot``), and posting it again starts it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hostlift.model.adaptation import AdaptOrder, AdaptReport
from hostlift.model.plan import TargetDisk, Volume

CONTROL_PORT = 8080
DATA_PORT = 8703
PROTOCOL = 1


class Stage(StrEnum):
    """``BOOTSTRAP``: waits for its archive. ``AGENT``: the full agent is up."""

    BOOTSTRAP = "bootstrap"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who answers.

    Attributes:
        archive: sha256 hex of the archive the agent runs from; empty at the bootstrap stage.
        python: Version of the instance's interpreter, ``3.11``.
    """

    stage: Stage
    migration: str
    protocol: int = PROTOCOL
    archive: str = ""
    boot_id: str = ""
    python: str = ""


class JobKind(StrEnum):
    """What an agent can be told to do besides receiving."""

    PREPARE = "prepare"
    REREAD = "reread"
    ADAPT = "adapt"
    RESTORE = "restore"
    SEAL = "seal"
    CLONE = "clone"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOrder:
    """Make and mount the target disks. Disks that already carry exactly this layout are kept.

    Attributes:
        serials: Cloud serial of each target disk by index.
    """

    disks: tuple[TargetDisk, ...]
    volumes: tuple[Volume, ...]
    serials: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeReady:
    """A mounted target volume.

    Attributes:
        generation: Random id made when the file system was made; another one means an empty volume.
    """

    volume: str
    generation: str
    size: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Answer of a PREPARE job."""

    volumes: tuple[VolumeReady, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RereadOrder:
    """Read every object of the volumes back from the disks, past the page cache.

    Attributes:
        nonce: Makes each re-read a job of its own.
    """

    volumes: tuple[str, ...]
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """Answer of a REREAD job; the entries come from ``/entries``, volume after volume."""

    entries: dict[str, int]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealOrder:
    """Flush and unmount every volume; check the file systems. The disks can be captured then."""

    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Answer of a SEAL job: what each file system check said, by volume."""

    checks: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneOrder:
    """Copy one sealed disk onto another of at least its size, byte by byte, and read it back.

    Attributes:
        source: Cloud serial of the disk to read.
        target: Cloud serial of the disk to write; all that is on it is lost.
        nonce: Makes each cloning a job of its own.
    """

    source: str
    target: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloned:
    """Answer of a CLONE job: bytes compared and, of these, written; blake3 hex of both disks."""

    bytes: int
    written: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """Play the edits of ADAPT jobs backwards: passes go on. Without any, nothing is done.

    Attributes:
        nonce: Makes each restoring a job of its own.
    """

    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Answer of a RESTORE job.

    Attributes:
        paths: Every path that was ever put back, links on the way resolved: absolute in the
            migrated system, bytes that are not UTF-8 as surrogate escapes.
    """

    paths: tuple[str, ...]


JobRequest = PrepareOrder | RereadOrder | AdaptOrder | RestoreOrder | SealOrder | CloneOrder
JobResult = Prepared | Reread | AdaptReport | Restored | Sealed | Cloned


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """A job to run; exactly the request that fits ``kind`` is given."""

    kind: JobKind
    prepare: PrepareOrder | None = None
    reread: RereadOrder | None = None
    adapt: AdaptOrder | None = None
    restore: RestoreOrder | None = None
    seal: SealOrder | None = None
    clone: CloneOrder | None = None


class JobState(StrEnum):
    """Life of a job."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error of the agent, as `hostlift.errors` names it."""

    code: str
    message: str
    subject: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """Where a job is; ``done``/``total`` in ``unit`` while it runs."""

    id: str
    kind: JobKind
    state: JobState
    label: str = ""
    done: int = 0
    total: int = 0
    unit: str = "%"
    prepared: Prepared | None = None
    reread: Reread | None = None
    adapted: AdaptReport | None = None
    restored: Restored | None = None
    sealed: Sealed | None = None
    cloned: Cloned | None = None
    error: Refusal | None = None
