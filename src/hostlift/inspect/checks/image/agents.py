# SPDX-License-Identifier: Apache-2.0
"""Agents: Alibaba's own, which may be missing, and those of other platforms, which are masked."""

from __future__ import annotations

from hostlift.inspect.checks.context import Check, CheckContext, note, ok
from hostlift.inspect.guest import Guest
from hostlift.model.finding import Finding
from hostlift.model.machine import Machine

ID = "GUESTOS.CloudAssistant"
TITLE = "Cloud Assistant"
SECURITY_ID = "GUESTOS.SecurityCenterAgent"
FOREIGN_ID = "hostlift.ForeignAgents"
_ASSISTANT = ("/usr/local/share/aliyun-assist", "/etc/systemd/system/aliyun.service")
_SECURITY = ("/usr/local/aegis",)
FOREIGN = {
    "QEMU guest agent": ("/usr/bin/qemu-ga", "/usr/sbin/qemu-ga"),
    "VMware Tools": ("/usr/bin/vmtoolsd", "/etc/vmware-tools"),
    "VirtualBox Guest Additions": ("/usr/sbin/VBoxService",),
    "Hyper-V daemons": ("/usr/sbin/hypervkvpd", "/usr/sbin/hv_kvp_daemon"),
    "Xen guest agent": ("/usr/sbin/xe-daemon",),
    "Azure agent": ("/usr/sbin/waagent", "/usr/bin/waagent"),
    "AWS SSM agent": ("/usr/bin/amazon-ssm-agent", "/snap/amazon-ssm-agent"),
    "Google guest agent": ("/usr/bin/google_guest_agent",),
    "Oracle Cloud agent": ("/usr/libexec/oracle-cloud-agent",),
    "Tencent Cloud agents": ("/usr/local/qcloud",),
    "Huawei Cloud agent": ("/usr/local/uniagent",),
}
"""Name for a person -> files of which one is there where it is installed."""


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """One finding each for Alibaba's, and one for all others."""
    guest = context.guest(machine)
    return [
        _own(guest, ID, TITLE, _ASSISTANT),
        _own(guest, SECURITY_ID, "Security Center agent", _SECURITY),
        _foreign(guest),
    ]


def _own(guest: Guest, check: str, title: str, files: tuple[str, ...]) -> Finding:
    if any(guest.exists(path) for path in files):
        return ok(check, title, "installed")
    return note(check, title, "not installed; the console offers to install it on the running copy")


def _foreign(guest: Guest) -> Finding:
    title = "Agents of other platforms"
    there = [name for name, files in FOREIGN.items() if any(guest.exists(f) for f in files)]
    if not there:
        return ok(FOREIGN_ID, title, "none")
    evidence = f"{', '.join(there)}: switched off in the copy, which can be undone; files stay"
    return note(FOREIGN_ID, title, evidence)


CHECK = Check(ID, TITLE, run)
