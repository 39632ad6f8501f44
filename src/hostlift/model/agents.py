# SPDX-License-Identifier: Apache-2.0
"""Agents of other hypervisors and clouds: how they are known, and what starts them.

One table for inspection, which names them, and adaptation, which keeps them off. Names of services
are shell patterns without ``.service``; units of other kinds with the same name belong to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

_SYSTEMD = (".service", ".timer", ".socket", ".path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A family of programs that talk to a platform which the copy has left.

    Attributes:
        name: For a person.
        services: Names under which any init system starts it.
        files: One of these is there where it is installed; none are needed if services tell.
        schedules: Files of cron that start it again.
    """

    name: str
    services: tuple[str, ...]
    files: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()

    def has_service(self, name: str) -> bool:
        """True for a service, job or script of that name (as `service_of` gives it)."""
        return any(fnmatchcase(name, pattern) for pattern in self.services)


def service_of(unit: str) -> str:
    """The service that a unit of systemd is or starts; empty for other kinds of units."""
    return next((unit.removesuffix(kind) for kind in _SYSTEMD if unit.endswith(kind)), "")


FOREIGN = (
    Agent(
        # Alibaba forbids it in imported images.
        name="QEMU guest agent",
        services=("qemu-guest-agent", "qemu-ga", "spice-vdagentd"),
        files=("/usr/bin/qemu-ga", "/usr/sbin/qemu-ga"),
    ),
    Agent(
        name="oVirt guest agent",
        services=("ovirt-guest-agent", "rhevm-guest-agent"),
        files=("/usr/share/ovirt-guest-agent",),
    ),
    Agent(
        name="VMware Tools",
        services=("open-vm-tools", "vmtoolsd", "vmware-tools*", "vgauth", "vgauthd"),
        files=("/usr/bin/vmtoolsd", "/etc/vmware-tools"),
    ),
    Agent(
        name="VirtualBox Guest Additions",
        services=("vboxadd*", "vboxservice", "virtualbox-guest-*"),
        files=("/usr/sbin/VBoxService",),
    ),
    Agent(
        name="Hyper-V daemons",
        services=("hv-*-daemon", "hv_*_daemon", "hyperv[a-z]*d", "hyperv-daemons*"),
        files=("/usr/sbin/hypervkvpd", "/usr/sbin/hv_kvp_daemon"),
    ),
    Agent(
        name="Xen guest agent",
        services=("xe-linux-distribution", "xe-daemon", "xen-guest-agent", "xenstored-guest"),
        files=("/usr/sbin/xe-daemon",),
    ),
    Agent(
        name="Parallels Tools",
        services=("prltoolsd", "prltools*"),
        files=("/usr/bin/prltoolsd",),
    ),
    Agent(
        name="Nutanix Guest Tools",
        services=("ngt_guest_agent", "nutanix*"),
        files=("/usr/local/nutanix/ngt",),
    ),
    Agent(
        name="Azure agent",
        services=("walinuxagent*", "waagent*", "azure-*agent*"),
        files=("/usr/sbin/waagent", "/usr/bin/waagent"),
    ),
    Agent(
        name="Azure monitoring",
        services=("azuremonitor*", "omsagent*", "mdsd", "gatestext"),
        files=("/opt/microsoft/azuremonitoragent", "/opt/microsoft/omsagent"),
    ),
    Agent(
        name="AWS SSM agent",
        services=("amazon-ssm-agent", "snap.amazon-ssm-agent.*"),
        files=("/usr/bin/amazon-ssm-agent", "/snap/amazon-ssm-agent"),
    ),
    Agent(
        name="AWS CloudWatch agent",
        services=("amazon-cloudwatch-agent", "awslogs", "awslogsd"),
        files=("/opt/aws/amazon-cloudwatch-agent",),
    ),
    Agent(
        name="AWS instance services",
        services=(
            "ec2-instance-connect*",
            "ec2-hibinit*",
            "hibinit-agent",
            "ec2-net-utils",
            "ec2net-*",
            "amazon-ec2-net-utils",
            "policy-routes@*",
            "refresh-policy-routes@*",
            "awsagent",
            "cfn-hup",
        ),
    ),
    Agent(
        name="Google guest agent",
        services=("google-*", "gce-*"),
        files=("/usr/bin/google_guest_agent", "/usr/bin/google_guest_agent_manager"),
    ),
    Agent(
        name="Google monitoring",
        services=("stackdriver-agent", "stackdriver-extractor"),
        files=("/opt/stackdriver", "/opt/google-cloud-ops-agent"),
    ),
    Agent(
        name="Oracle Cloud agent",
        services=(
            "oracle-cloud-agent*",
            "snap.oracle-cloud-agent.*",
            "oci-*",
            "ocid",
            "unified-monitoring-agent*",
        ),
        files=("/usr/libexec/oracle-cloud-agent", "/snap/oracle-cloud-agent"),
    ),
    Agent(
        name="Tencent Cloud agents",
        services=("YDService", "YDLive", "tat_agent", "qcloud-*", "stargate", "barad_agent"),
        files=("/usr/local/qcloud", "/var/lib/qcloud"),
        schedules=("/etc/cron.d/sgagenttask", "/etc/cron.d/yunjing"),
    ),
    Agent(
        name="Huawei Cloud agents",
        services=(
            "uniagent",
            "uniagentd",
            "telescoped",
            "hostguard",
            "hostwatch",
            "cloudResetPwd*Agent",
        ),
        files=(
            "/usr/local/uniagent",
            "/usr/local/telescope",
            "/usr/local/hostguard",
            "/CloudrResetPwdAgent",
            "/CloudResetPwdUpdateAgent",
        ),
    ),
    Agent(
        name="Baidu Cloud agents",
        services=("bcm-agent", "hosteye"),
        schedules=("/etc/cron.d/hosteye",),
    ),
    Agent(
        name="DigitalOcean agents",
        services=("do-agent", "droplet-agent"),
        files=("/opt/digitalocean",),
    ),
)


def is_foreign(service: str) -> bool:
    """True for a service of an agent of the table."""
    return any(agent.has_service(service) for agent in FOREIGN)
