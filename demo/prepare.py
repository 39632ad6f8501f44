# SPDX-License-Identifier: Apache-2.0
"""Builds what the cache lacks: the public image and the source server's disks."""

from __future__ import annotations

import time

from demo.source import disks
from hostlift.localcloud.images import stock


def main() -> None:
    """Build both; a second run takes no time."""
    started = time.monotonic()

    def progress(line: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {line}", flush=True)

    stock.build(progress)
    disks.build(progress)


if __name__ == "__main__":
    main()
