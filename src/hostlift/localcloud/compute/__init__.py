# SPDX-License-Identifier: Apache-2.0
"""What is behind instances, disks and networks; three kinds: ``qemu``, ``process``, ``paper``.

The API side decides ids, addresses and life cycles and tells compute what to do; compute never
looks into the account. Every call is idempotent: the API side repeats it after a crash.
"""
