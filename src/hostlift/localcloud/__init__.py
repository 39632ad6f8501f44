# SPDX-License-Identifier: Apache-2.0
"""The embedded cloud: an ECS, VPC and STS endpoint with real instances behind it.

    wire      signatures, parameters, errors: the protocol as the official SDKs speak it
    actions   one function per API action, grouped by resource
    state     the account: SQLite, survives down and up
    compute   what is behind an instance: qemu, process, paper
    fabric    networks: the internet, one private network per VPC, addresses, security groups
    images    the public images, built here
    server    ties them to a socket

It shares no type with `clouds`: the two meet only on the wire.
"""
