# SPDX-License-Identifier: Apache-2.0
"""SUSE Linux Enterprise and openSUSE."""

from __future__ import annotations

from hostlift.adapt.linux.family import Edition, Family

_TUMBLEWEED = (20000000,)

FAMILY = Family(
    name="suse",
    ids=("sles", "sles_sap", "sled", "opensuse", "opensuse-leap", "suse", "sle_hpc", "sle-micro"),
    marks=("/etc/SuSE-release", "/etc/SUSE-brand"),
    makers=("suse-mkinitrd", "dracut"),
    network="wicked",
    editions=(
        Edition(since=(12,), makers=("dracut", "suse-mkinitrd")),
        Edition(since=(16,), network="network-manager"),
        # openSUSE 42 and 13 are older than Leap 15, whatever their numbers say.
        Edition(since=(42,), network="wicked"),
        Edition(since=_TUMBLEWEED, network="network-manager"),
    ),
)
