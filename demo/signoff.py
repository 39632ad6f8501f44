# SPDX-License-Identifier: Apache-2.0
"""What the administrator does last: on the booted copy, ``hostlift verify --against``, and sign."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from demo.guestwork import HOME, Moved, unpack
from demo.server import Shell
from demo.waiting import wait_until

_PAGE = "arrived.html"
_STARTED_LIMIT = 300.0
# A degraded system has started too: what failed is the verdict's business.
_STARTED = "systemctl is-system-running | grep -Eqx 'running|degraded'"


@dataclass(frozen=True, slots=True)
class SignOff:
    """The verdict on the copy, said by the copy itself.

    Attributes:
        said: What the command printed; the last line is ``OK`` or ``FAILED``.
        page: The page to sign, on this machine.
    """

    good: bool
    said: str
    page: str


def sign_off(source: Shell, copy: Shell, moved: Moved, bundle: Path, page: Path) -> SignOff:
    """Bring receipt and baseline to the copy, compare there, and bring the page home.

    Raises:
        RuntimeError: It said nothing, or left no page.
    """
    wait_until(lambda: _has_started(copy), _STARTED_LIMIT, "the end of the copy's boot")
    unpack(copy, bundle)
    receipt = Path(str(moved.report["receipt"]))
    baseline = receipt.with_suffix(".baseline.json")
    names = f"{baseline.name} {receipt.name} {receipt.name}.sig {receipt.name}.pub"
    packed = source.run(f"cd {HOME} && cd {receipt.parent} && tar -cz {names} | base64 -w0")
    copy.run(
        f"mkdir -p {HOME}/receipts && tar -xz -C {HOME}/receipts", stdin=base64.b64decode(packed)
    )
    line = (
        f"./hostlift verify --against receipts/{baseline.name} --receipt receipts/{receipt.name}"
        f" --html {_PAGE}"
    )
    print(f"  $ {line}", flush=True)
    status, said = copy.stream(f"cd {HOME} && {line}")
    if status not in {0, 1}:
        raise RuntimeError(f"'{line}' ended with status {status}")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(copy.run(f"cat {HOME}/{_PAGE}"))
    return SignOff(status == 0, said, str(page))


def _has_started(shell: Shell) -> bool:
    return shell.run(f"{_STARTED} && echo yes || echo no").strip() == "yes"
