# SPDX-License-Identifier: Apache-2.0
"""hostlift as a tool among the others: fresh sender and receiver processes for every run."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.processes import measured, reaped, started_process
from benchmarks.tools import Door, Result, Scene
from hostlift.errors import HostError
from hostlift.host.command import end_group
from hostlift.remote.tls import Identity, make_identity

_ROOT = Path(__file__).parent.parent
_ENV = {"PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}"}
_VALID_DAYS = 2
_TIMEOUT = 7200.0


@dataclass(slots=True)
class Hostlift:
    """The product's data path with its default settings.

    Attributes:
        options: Further `PassOptions`, by name.
        last: The answers of both ends of the last run.
    """

    scene: Scene
    options: dict[str, Any] = field(default_factory=dict)
    name: str = "hostlift"
    sending: Identity = field(default_factory=lambda: _identity("sender"))
    receiving: Identity = field(default_factory=lambda: _identity("receiver"))
    generation: str = ""
    last: dict[str, dict[str, Any]] = field(default_factory=dict)

    def forget(self) -> None:
        """The target is a new one."""
        self.generation = uuid.uuid4().hex
        for file in self.scene.work.glob("manifest.db*"):
            file.unlink()

    def run(self, door: Door) -> Result:
        """One pass, from the start of the sender's interpreter to its exit."""
        with self._receiver() as port, door(port) as behind:
            order = self._order(self.sending, self.receiving, "send") | {
                "manifest": str(self._manifest),
                "source": str(self.scene.source),
                "port": behind.port,
                "options": self.options,
            }
            spent = self._program("send", order)
            far = behind.finish()
        sent, received = self._answer("send"), self._answer("receive")
        self.last = {"send": sent, "receive": received}
        _require_clean(sent)
        return Result(
            wall=spent,
            cpu_source=sent["cpu"],
            cpu_target=received["cpu"],
            wire=far.bytes if far else sent["bytes_sent"],
            rss_source=sent["peak_rss"],
            rss_target=received["peak_rss"],
            link_cpu=far.cpu if far else 0.0,
            detail={k: sent[k] for k in ("files", "bytes_read", "bytes_sent", "seconds")},
        )

    def reread(self) -> dict[str, Any]:
        """The receipt: read the target back and compare it with what the source was read as.

        Raises:
            HostError: They differ.
        """
        order = {"manifest": str(self._manifest), "target": str(self.scene.target)}
        order["answer"] = str(self.scene.work / "reread.answer")
        self._program("reread", order)
        answer = self._answer("reread")
        if answer["differences"]:
            raise HostError(f"the receipt has {answer['differences']} differences", subject="copy")
        return answer

    @property
    def _manifest(self) -> Path:
        return self.scene.work / "manifest.db"

    def _order(self, own: Identity, peer: Identity, program: str) -> dict[str, Any]:
        return {
            "certificate": own.certificate_pem.decode(),
            "key": own.key_pem.decode(),
            "peer": peer.certificate_pem.decode(),
            "generation": self.generation,
            "answer": str(self.scene.work / f"{program}.answer"),
        }

    def _file(self, program: str, order: dict[str, Any]) -> list[str]:
        file = self.scene.work / f"{program}.order"
        file.write_text(json.dumps(order), encoding="utf-8")
        file.chmod(0o600)
        (self.scene.work / f"{program}.answer").unlink(missing_ok=True)
        return [sys.executable, "-m", "benchmarks.ends", program, str(file)]

    def _program(self, program: str, order: dict[str, Any]) -> float:
        log = self.scene.work / f"{program}.log"
        return measured(self._file(program, order), log=log, timeout=_TIMEOUT, env=_ENV).wall

    def _answer(self, program: str) -> dict[str, Any]:
        text = (self.scene.work / f"{program}.answer").read_text(encoding="utf-8")
        answer: dict[str, Any] = json.loads(text)
        return answer

    @contextlib.contextmanager
    def _receiver(self) -> Iterator[int]:
        """A receiving process for the length of the block; it ends well or the block fails."""
        order = self._order(self.receiving, self.sending, "receive")
        order["target"] = str(self.scene.target)
        argv = self._file("receive", order)
        with (self.scene.work / "receive.log").open("wb") as log:
            process = started_process(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.fileno(), env=_ENV
            )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline()
            if not port:
                raise HostError("did not start; see receive.log", subject=str(self.scene.work))
            yield int(port)
            process.stdin.close()
            reaped(process)
        finally:
            if process.returncode is None:
                end_group(process)
            process.stdout.close()


def _identity(name: str) -> Identity:
    return make_identity(f"benchmark {name}", not_before=time.time(), days=_VALID_DAYS)


def _require_clean(sent: dict[str, Any]) -> None:
    if sent["findings"] or sent["hot"]:
        raise HostError(f"the pass lost something: {sent['findings']}", subject="hostlift")
