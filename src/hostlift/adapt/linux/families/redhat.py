# SPDX-License-Identifier: Apache-2.0
"""Red Hat Enterprise Linux, what is built from its sources, Fedora, and the cloud vendors' own."""

from __future__ import annotations

from dataclasses import replace

from hostlift.adapt.linux.family import Edition, Family

# EL5 starts from a nash script, EL6 has the first dracut, EL9 reads keyfiles only.
FAMILY = Family(
    name="redhat",
    ids=("rhel", "centos", "rocky", "almalinux", "ol", "scientific", "virtuozzo", "cloudlinux"),
    marks=("/etc/redhat-release", "/etc/centos-release", "/etc/oracle-release"),
    makers=("nash", "dracut"),
    network="network-scripts",
    editions=(
        Edition(since=(6,), makers=("dracut",)),
        Edition(since=(9,), network="network-manager"),
    ),
)
FEDORA = replace(
    FAMILY,
    name="fedora",
    ids=("fedora", "nobara", "eln"),
    marks=("/etc/fedora-release",),
    editions=(
        Edition(since=(12,), makers=("dracut",)),
        Edition(since=(33,), network="network-manager"),
    ),
)
# Versions are the vendor's: 2 is like EL7, 3 like EL8, 4 like EL9.
ALIBABA = replace(
    FAMILY,
    name="alibaba",
    ids=("alinux", "aliyun"),
    marks=("/etc/alinux-release", "/etc/aliyun-release"),
    makers=("dracut",),
    editions=(Edition(since=(4,), network="network-manager"),),
)
ANOLIS = replace(
    FAMILY,
    name="anolis",
    ids=("anolis", "openanolis", "openeuler", "kylin", "tencentos", "opencloudos"),
    marks=("/etc/anolis-release", "/etc/openEuler-release", "/etc/kylin-release"),
    makers=("dracut",),
    editions=(Edition(since=(23,), network="network-manager"),),
)
# 2018.03 is like EL6, 2 like EL7; 2023 has systemd-networkd.
AMAZON = replace(
    FAMILY,
    name="amazon",
    ids=("amzn",),
    marks=("/etc/system-release",),
    makers=("dracut",),
    editions=(Edition(since=(2023,), network="networkd"),),
)
