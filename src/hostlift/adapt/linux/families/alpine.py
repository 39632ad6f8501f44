# SPDX-License-Identifier: Apache-2.0
"""Alpine Linux."""

from __future__ import annotations

from hostlift.adapt.linux.family import Family

FAMILY = Family(
    name="alpine",
    ids=("alpine", "postmarketos"),
    marks=("/etc/alpine-release",),
    makers=("mkinitfs",),
    network="ifupdown",
)
