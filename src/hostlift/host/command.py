# SPDX-License-Identifier: Apache-2.0
"""The one door to processes."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hostlift.errors import CommandFailed, ToolMissing
from hostlift.host.tools import package_of
from hostlift.ports.commands import Completed

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OUTPUT_TAIL = 4000
_LAST_PATIENCE = 5.0


class SystemCommands:
    """`hostlift.ports.commands.Commands` on this machine."""

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
        """See the port."""
        line = (["chroot", str(root)] if root else []) + list(argv)
        program = self.which(line[0])
        if program is None:
            raise _missing(line[0])
        process = subprocess.Popen(
            [program, *line[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env),
            cwd=cwd,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            _give_up(process)
            raise CommandFailed(
                tuple(line), -signal.SIGKILL, f"still running after {timeout:g} s"
            ) from None
        except BaseException:
            end_group(process)
            raise
        done = Completed(tuple(line), process.returncode, out, err)
        if check and done.status != 0:
            raise CommandFailed(done.argv, done.status, _tail(done))
        return done

    def which(self, name: str) -> str | None:
        """Absolute path of a program in the search path, or None."""
        return shutil.which(name, path=SEARCH_PATH)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that every process gets: nothing inherited, messages in English."""
    return {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "HOME": "/root", **(extra or {})}


def spawn(
    argv: Sequence[str],
    *,
    stdout: int | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    stdin_pipe: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a long-lived process in a session of its own; its owner ends it with `end_group`.

    Args:
        stdout: File descriptor for both output streams; None discards them.
        pass_fds: Descriptors the child inherits under the same numbers.
        stdin_pipe: Give it a pipe that closes when we die; else nothing to read.

    Raises:
        ToolMissing: The program does not exist.
    """
    program = shutil.which(argv[0], path=SEARCH_PATH)
    if program is None:
        raise _missing(argv[0])
    return subprocess.Popen(
        [program, *argv[1:]],
        stdin=subprocess.PIPE if stdin_pipe else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.STDOUT,
        env=environment(env),
        pass_fds=pass_fds,
        start_new_session=True,
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and whatever it started in its session, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _close(process)


def _give_up(process: subprocess.Popen[bytes]) -> None:
    """Kill it; one that waits for a dead device does not even die, and is left to itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(_LAST_PATIENCE)
    except subprocess.TimeoutExpired:
        disown(process)
    _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def disown(process: subprocess.Popen[bytes]) -> None:
    """Leave a process to itself: it goes on when we end, and nobody waits for it."""
    process.returncode = 0  # or its object would complain that nobody did


def pasteable(argv: Sequence[str]) -> str:
    """The command as a person would type it."""
    return shlex.join(argv)


def _missing(name: str) -> ToolMissing:
    package = package_of(name)
    return ToolMissing(
        "not installed", subject=name, hint=f"Install the package {package}, then run again."
    )


def _tail(done: Completed) -> str:
    text = done.stderr.decode("utf-8", "replace") or done.text
    return text[-_OUTPUT_TAIL:]
