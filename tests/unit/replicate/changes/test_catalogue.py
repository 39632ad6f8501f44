# SPDX-License-Identifier: Apache-2.0
"""Which tracker is for what."""

from __future__ import annotations

import os

import pytest

from hostlift.replicate.changes.catalogue import tracker_of


def test_a_file_system_without_a_tracker_is_walked() -> None:
    """proc stands for all that are not known."""
    fd = os.open("/proc", os.O_RDONLY)
    try:
        assert tracker_of(fd) is None
    finally:
        os.close(fd)


def test_a_descriptor_that_is_none_is_an_error() -> None:
    """Not a file system to walk."""
    with pytest.raises(OSError, match="Bad file descriptor"):
        tracker_of(-1)
