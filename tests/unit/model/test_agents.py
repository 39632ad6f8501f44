# SPDX-License-Identifier: Apache-2.0
"""The table of foreign agents: names that are theirs, and names that are not."""

from __future__ import annotations

import pytest

from hostlift.model.agents import FOREIGN, is_foreign, service_of


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("qemu-guest-agent", "QEMU guest agent"),
        ("vmtoolsd", "VMware Tools"),
        ("vboxadd-service", "VirtualBox Guest Additions"),
        ("hv_fcopy_daemon", "Hyper-V daemons"),
        ("hypervvssd", "Hyper-V daemons"),
        ("walinuxagent-network-setup", "Azure agent"),
        ("snap.amazon-ssm-agent.amazon-ssm-agent", "AWS SSM agent"),
        ("amazon-cloudwatch-agent", "AWS CloudWatch agent"),
        ("google-startup-scripts", "Google guest agent"),
        ("snap.oracle-cloud-agent.oracle-cloud-agent-updater", "Oracle Cloud agent"),
        ("YDService", "Tencent Cloud agents"),
        ("cloudResetPwdUpdateAgent", "Huawei Cloud agents"),
    ],
)
def test_a_service_belongs_to_one_agent(service: str, name: str) -> None:
    """Two entries for one name would be reported twice."""
    assert [a.name for a in FOREIGN if a.has_service(service)] == [name]


@pytest.mark.parametrize(
    "service",
    ["", "ssh", "sshd", "cron", "cloud-init", "cloud-final", "aliyun", "nginx", "libvirtd", "qemu-kvm", "xendomains", "hypervisor", "amazon-efs-mount-watchdog", "snapd", "acpid"],
)  # fmt: skip
def test_services_of_the_system_and_of_alibaba_are_nobody_elses(service: str) -> None:
    """A pattern that reaches too far would switch off what the server is for."""
    assert not is_foreign(service)


def test_a_unit_that_starts_a_service_belongs_to_it() -> None:
    """Mounts and targets do not."""
    assert service_of("google-oslogin-cache.timer") == "google-oslogin-cache"
    assert service_of("vboxadd.service") == "vboxadd"
    assert service_of("boot.mount") == service_of("multi-user.target.wants") == ""
