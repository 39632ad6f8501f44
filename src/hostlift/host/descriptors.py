# SPDX-License-Identifier: Apache-2.0
"""How many descriptors this process may have: each stream of a copy keeps about a hundred."""

from __future__ import annotations

import contextlib
import resource

_ENOUGH = 65_536


def allow_many(enough: int = _ENOUGH) -> int:
    """Raise the soft limit as far as the hard one allows, up to ``enough``; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
