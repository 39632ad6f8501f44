# SPDX-License-Identifier: Apache-2.0
"""Running ahead: an iterator that a thread of its own drives, some items ahead of its user."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 0.2


class _End:
    """The last thing in the queue; ``error``: what ended the iteration, unless it was complete."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def running_ahead(items: Iterator[T], most: int) -> Generator[T, None, None]:
    """The same items; up to ``most`` are made before they are asked for.

    Errors of ``items`` are raised where they would have been. Closing the generator ends the thread.
    """
    ready: queue.Queue[T | _End] = queue.Queue(most)
    over = threading.Event()
    thread = threading.Thread(target=_drive, args=(items, ready, over), name="ahead")
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        over.set()
        thread.join()


def _drive(items: Iterator[T], ready: queue.Queue[T | _End], over: threading.Event) -> None:
    end = _End()
    try:
        for item in items:
            if not _put(ready, item, over):
                return
    except BaseException as error:  # noqa: BLE001 - raised again by who asks
        end = _End(error)
    _put(ready, end, over)


def _put(ready: queue.Queue[T | _End], item: T | _End, over: threading.Event) -> bool:
    while not over.is_set():
        try:
            ready.put(item, timeout=_LOOK_SECONDS)
        except queue.Full:
            continue
        return True
    return False
