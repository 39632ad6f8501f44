# SPDX-License-Identifier: Apache-2.0
"""Agents of other hypervisors and clouds: kept off, not removed; that needs no network and is undone."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.found import init_systems

_FOREIGN = (
    # VMware, VirtualBox, Hyper-V, Xen, Parallels, Nutanix, Proxmox
    *("open-vm-tools", "vmtoolsd", "vmware-tools*", "vgauth", "vgauthd"),
    *("vboxadd*", "vboxservice", "virtualbox-guest-utils", "virtualbox-guest-x11"),
    *("hv-kvp-daemon", "hv-vss-daemon", "hv-fcopy-daemon", "hypervkvpd", "hypervvssd"),
    *("hypervfcopyd", "hv_kvp_daemon", "hv_vss_daemon", "hv_fcopy_daemon", "hyperv-daemons*"),
    *("xe-linux-distribution", "xe-daemon", "xen-guest-agent"),
    *("prltoolsd", "prltools*", "ngt_guest_agent", "nutanix*"),
    # Alibaba forbids it in imported images.
    *("qemu-guest-agent", "qemu-ga"),
    # Azure, Google, Amazon, Oracle, Huawei, Tencent, DigitalOcean
    *("walinuxagent*", "waagent*", "azure-*agent*"),
    *("google-*", "gce-*"),
    *("amazon-ssm-agent", "amazon-cloudwatch-agent", "ec2-instance-connect*", "ec2-hibinit*"),
    *("hibinit-agent", "ec2-net-utils", "ec2net-*", "amazon-ec2-net-utils", "policy-routes@*"),
    *("oracle-cloud-agent*", "oci-*", "ocid"),
    *("uniagent", "telescoped", "YDService", "tat_agent", "qcloud-*"),
    *("do-agent", "droplet-agent"),
)


def apply(bench: Bench, edit: Editor) -> None:
    """Keep those that are there from starting, with whatever starts services."""
    init_systems.keep_off(bench.tree, edit, _FOREIGN, "an agent of another cloud or hypervisor")


STEP = Step("foreign-agents", "Keep agents of other clouds and hypervisors from starting.", apply)
