# SPDX-License-Identifier: Apache-2.0
"""A Debian root tree, made by mmdebstrap from the package mirror it chooses itself.

It runs in a process and mount namespace of its own that dies with us: whatever moment a build is
killed at, no process and no mount stays behind.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hostlift.host.command import SystemCommands

SUITE = "bookworm"
ARCHITECTURE = "amd64"
_LIMIT = 3600.0
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_UNREAD = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/i18n/*",
    "/usr/share/lintian/*",
    "/usr/share/bash-completion/*",
)


def make_tree(
    tree: Path,
    packages: Sequence[str],
    files: Path,
    script: Path,
    *,
    leave_out: Sequence[str] = (),
) -> None:
    """Install Debian with ``packages`` into ``tree``.

    Args:
        files: Copied over the tree before ``script`` runs.
        script: Run at the end, outside the tree, with the tree as its first argument.
        leave_out: Patterns of paths that dpkg does not unpack, besides documentation.
    """
    SystemCommands().run(
        [
            *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"),
            *("--kill-child=KILL", "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet"),
            f"--architectures={ARCHITECTURE}",
            f"--include={','.join(packages)}",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in (*_UNREAD, *leave_out)),
            '--aptopt=APT::Install-Recommends "false"',
            f'--customize-hook=cp -R --preserve=mode {files}/. "$1"',
            f'--customize-hook={script} "$1"',
            *(SUITE, str(tree)),
        ],
        timeout=_LIMIT,
        env={name: os.environ[name] for name in _PROXIES if name in os.environ},
    )
