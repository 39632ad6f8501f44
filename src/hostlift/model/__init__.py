# SPDX-License-Identifier: Apache-2.0
"""The nouns of a migration; frozen, pure, shared by every layer.

    inspect            plan                 flow, remote                    verify
    Machine ──┐
              ├──> MigrationPlan ──> TargetDisk[] + serials ──> Entry, Edit ──> Receipt
    wishes ───┘      Volume[]            (what exists)         (what was done)  BootProof
      │
      └ Finding[]

A `Machine` is what was found, a `MigrationPlan` what shall be done, an `Entry` one file system
object as it was read, an `Edit` one change that made the copy bootable, a `Receipt` the proof.
Records that cross a process border are plain dataclasses of JSON-able fields; names of files are
bytes wherever they come from a file system.
"""
