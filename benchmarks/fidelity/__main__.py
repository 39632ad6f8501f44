# SPDX-License-Identifier: Apache-2.0
"""Makes docs/fidelity.md anew: ``python -m benchmarks.fidelity [--kinds ext4,xfs] [--print]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.fidelity.copiers import COPIERS
from benchmarks.fidelity.items import ALL
from benchmarks.fidelity.matrix import Outcome, fixture, tried
from benchmarks.fidelity.page import PAGE, page


def main() -> None:
    """Run every installed tool on every kind of file system."""
    parser = argparse.ArgumentParser(prog="benchmarks.fidelity")
    parser.add_argument("--kinds", default=",".join(ALL), help="file systems, with commas")
    parser.add_argument("--scratch", type=Path, help="room for three GiB; default: the usual one")
    parser.add_argument("--print", action="store_true", help="do not write the page")
    wish = parser.parse_args()
    kinds = tuple(str(wish.kinds).split(","))
    outcomes: dict[tuple[str, str], Outcome] = {}
    with tempfile.TemporaryDirectory(prefix="fidelity-", dir=wish.scratch) as name:
        folder = Path(name)
        for kind in kinds:
            with fixture(folder, kind) as (source, before):
                for copier in COPIERS:
                    if copier.version:
                        print(f"{kind}: {copier.name}", file=sys.stderr)
                        outcomes[copier.name, kind] = tried(copier, folder, kind, source, before)
    text = page(outcomes, kinds)
    if wish.print:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
