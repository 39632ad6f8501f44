# SPDX-License-Identifier: Apache-2.0
"""Commands that answer from a script; an unexpected one fails the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hostlift.errors import CommandFailed, ToolMissing
from hostlift.ports.commands import Completed

Answer = str | bytes | int | Callable[[Sequence[str]], str | bytes]


class ScriptedCommands:
    """`hostlift.ports.commands.Commands` that knows the longest matching prefix of a command line.

    ``answers`` maps the start of a command line (words joined by blanks) to standard output, an
    exit status, or a function of argv. ``missing`` names programs that are not installed.
    """

    def __init__(
        self, answers: Mapping[str, Answer] | None = None, missing: Sequence[str] = ()
    ) -> None:
        self.answers = dict(answers or {})
        self.missing = set(missing)
        self.lines: list[str] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
        root: Path | None = None,
    ) -> Completed:
        line = " ".join(argv)
        self.lines.append(line)
        if argv[0] in self.missing:
            raise ToolMissing("not installed", subject=argv[0])
        known = [k for k in self.answers if line == k or line.startswith(k + " ")]
        if not known:
            raise AssertionError(f"unexpected command: {line}")
        answer = self.answers[max(known, key=len)]
        if callable(answer):
            answer = answer(argv)
        status = answer if isinstance(answer, int) else 0
        out = (
            b""
            if isinstance(answer, int)
            else answer.encode()
            if isinstance(answer, str)
            else answer
        )
        if check and status:
            raise CommandFailed(tuple(argv), status, "scripted failure")
        return Completed(tuple(argv), status, out, b"")

    def which(self, name: str) -> str | None:
        return None if name in self.missing else f"/usr/bin/{name}"
