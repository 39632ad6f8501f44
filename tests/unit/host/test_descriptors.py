# SPDX-License-Identifier: Apache-2.0
"""The limit of open files."""

from __future__ import annotations

import resource

from hostlift.host.descriptors import allow_many


def test_the_limit_is_raised_but_never_lowered() -> None:
    """As far as the hard limit allows; a limit that is high enough stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = min(soft, 512)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
        assert allow_many(low - 10) == low
        assert allow_many(low + 10) == low + 10
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
