# SPDX-License-Identifier: Apache-2.0
"""Agents of other hypervisors and clouds: masked, not removed; that needs no network and is undone."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step

_UNIT_FOLDERS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
_MASKS = "/etc/systemd/system"
_FOREIGN = (
    "open-vm-tools.service",
    "vmtoolsd.service",
    "vgauth.service",
    "vboxadd*.service",
    "vboxservice.service",
    "virtualbox-guest-utils.service",
    "hv-kvp-daemon.service",
    "hv-vss-daemon.service",
    "hv-fcopy-daemon.service",
    "hypervkvpd.service",
    "hypervvssd.service",
    "xe-linux-distribution.service",
    "xe-daemon.service",
    "xen-guest-agent.service",
    "walinuxagent*.service",
    "waagent*.service",
    "google-*.service",
    "gce-*.service",
    "amazon-ssm-agent.service",
    "amazon-cloudwatch-agent.service",
    "ec2-instance-connect*.service",
    "hibinit-agent.service",
    "oracle-cloud-agent*.service",
    "qemu-guest-agent.service",
)


def apply(bench: Bench, edit: Editor) -> None:
    """Mask the units that exist."""
    for unit in sorted({u for folder in _UNIT_FOLDERS for u in bench.names(folder)}):
        if any(fnmatchcase(unit, pattern) for pattern in _FOREIGN):
            edit.link(f"{_MASKS}/{unit}", "/dev/null", "an agent of another cloud or hypervisor")


STEP = Step("foreign-agents", "Keep agents of other clouds and hypervisors from starting.", apply)
