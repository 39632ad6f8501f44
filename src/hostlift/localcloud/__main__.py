# SPDX-License-Identifier: Apache-2.0
"""The process behind ``hostlift cloud up``: ``python -m hostlift.localcloud FOLDER KIND PORT``."""

from __future__ import annotations

import sys
from pathlib import Path

from hostlift.errors import HostliftError
from hostlift.localcloud.serving.foreground import serve

_ARGUMENTS = 4


def main(argv: list[str]) -> int:
    """Serve until told to stop; the exit status says how it ended."""
    if len(argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m hostlift.localcloud FOLDER KIND PORT\n")
        return 2
    try:
        serve(Path(argv[1]), argv[2], "127.0.0.1", int(argv[3]))
    except HostliftError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


sys.exit(main(sys.argv))
