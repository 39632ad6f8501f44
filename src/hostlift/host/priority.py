# SPDX-License-Identifier: Apache-2.0
"""Giving way to the services of this machine: processor and disk priority of the calling thread.

Threads that are started meanwhile inherit both, and keep them to their end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from collections.abc import Iterator

_NICE = 10
_CALLER = 0
_IOPRIO_WHO_PROCESS = 1
_BEST_EFFORT_LAST = (2 << 13) | 7
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_GET = {"x86_64": 252, "aarch64": 31}


@contextlib.contextmanager
def giving_way() -> Iterator[None]:
    """The calling thread runs at nice 10 and best-effort I/O level 7 for the length of the block.

    Only for who may take it back (root); for others, and where the kernel refuses, nothing changes.
    A thread that is nicer already stays as it is.
    """
    with contextlib.ExitStack() as undo:
        if os.geteuid() == 0:
            _nice(undo)
            _io(undo)
        yield


def _nice(undo: contextlib.ExitStack) -> None:
    # For Linux a thread is a process of its own here: 0 is the calling thread, not all of them.
    before = os.getpriority(os.PRIO_PROCESS, _CALLER)
    if before < _NICE:
        undo.callback(os.setpriority, os.PRIO_PROCESS, _CALLER, before)
        os.setpriority(os.PRIO_PROCESS, _CALLER, _NICE)


def _io(undo: contextlib.ExitStack) -> None:
    machine = platform.machine()
    if machine not in _IOPRIO_SET:
        return
    call = ctypes.CDLL(None, use_errno=True).syscall
    before = int(call(_IOPRIO_GET[machine], _IOPRIO_WHO_PROCESS, _CALLER))
    if before < 0:
        return
    if int(call(_IOPRIO_SET[machine], _IOPRIO_WHO_PROCESS, _CALLER, _BEST_EFFORT_LAST)) == 0:
        undo.callback(call, _IOPRIO_SET[machine], _IOPRIO_WHO_PROCESS, _CALLER, before)
