# SPDX-License-Identifier: Apache-2.0
"""The program on the intermediate instance: it prepares disks, receives, re-reads and adapts.

`program` wires it, `server` answers on the control port, `data` on the data port, `jobs` keeps
what was ordered, `work` is the way from an order to the part that does it.
"""
