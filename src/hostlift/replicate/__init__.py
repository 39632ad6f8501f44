# SPDX-License-Identifier: Apache-2.0
"""The copy: what is on the source's file systems comes to be on the target's, provably.

    roots -> passes (scan, compare with the manifest, send) ==> receiver (apply, sync, acknowledge)
                freeze around the last pass                      reread: what the disks really hold

`protocol` and `ops` are what goes over the wire, `manifest` is what is known to have arrived.
"""
