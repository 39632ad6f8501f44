# SPDX-License-Identifier: Apache-2.0
"""Networks of the embedded cloud, out of Linux namespaces.

    netns     the fabric as a whole: what exists, what a crashed run left, addresses
    internet  the namespace that plays the internet, hosts of their own on it
    vpc       one private network: bridge, ports, uplink
    onprem    machines on premises, joined to a private network by a routed link
    rules     security groups and addresses as an nftables rule set (pure)
    dhcp      leases
    metadata  what http://100.100.100.200 answers

Everything is named after a hash of the cloud's folder: several clouds live side by side.
"""
