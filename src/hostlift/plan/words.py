# SPDX-License-Identifier: Apache-2.0
"""Alibaba's words for what the source is."""

from __future__ import annotations

from hostlift.errors import CheckBlocked
from hostlift.model.machine import Machine
from hostlift.settings.user_config import Settings

OTHERS = "Others Linux"
_PLATFORMS = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "centos": "CentOS",
    "rhel": "RedHat",
    "sles": "SUSE",
    "sled": "SUSE",
    "sles_sap": "SUSE",
    "suse": "SUSE",
    "opensuse": "OpenSUSE",
    "opensuse-leap": "OpenSUSE",
    "opensuse-tumbleweed": "OpenSUSE",
}
_ARCHITECTURES = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "i386": "i386",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "aarch64": "arm64",
    "arm64": "arm64",
}


def platform(machine: Machine, settings: Settings) -> str:
    """The user's word, else the one for the distribution.

    Derivatives are `OTHERS`: for a platform it knows, the cloud edits files of that very system.
    """
    return settings.platform or _PLATFORMS.get(machine.os_id, OTHERS)


def architecture(machine: Machine, settings: Settings) -> str:
    """The cloud's word for the processor.

    Raises:
        CheckBlocked: There is no such instance in the cloud.
    """
    word = settings.architecture or _ARCHITECTURES.get(machine.architecture, "")
    if not word:
        raise CheckBlocked(
            f"the cloud has no instances for {machine.architecture or 'an unknown architecture'}",
            subject="architecture",
            hint="Only x86_64, i386 and arm64 (aarch64) systems can be migrated.",
        )
    return word
