# SPDX-License-Identifier: Apache-2.0
"""What the commands here have in common: their surroundings, their options, their errors."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.disks import alone
from hostlift.errors import HostliftError

_INTERRUPTED = 130


def guarded(action: Callable[[], int]) -> int:
    """Run a benchmark in a mount namespace of its own; its exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        alone()
        return action()
    except KeyboardInterrupt:
        print("ended; everything it started and mounted is gone", file=sys.stderr)
        return _INTERRUPTED
    except HostliftError as error:
        print(f"{error}\n  what to do: {error.hint}", file=sys.stderr)
        return 1


def scratch_option(parser: argparse.ArgumentParser) -> None:
    """``--scratch``, as every benchmark has it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument(
        "--scratch",
        type=Path,
        default=cache / "hostlift" / "benchmarks",
        help="where images are kept; gigabytes",
    )


def write_json(path: Path, found: dict[str, Any]) -> None:
    """Keep everything that was found; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
