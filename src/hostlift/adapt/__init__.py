# SPDX-License-Identifier: Apache-2.0
"""Making a copy boot where it is now.

    AdaptOrder ──> linux.run.adapt ──> step ──> Editor ──> Ledger (record first) ──> Tree
                        │                                     │
                        └──> checks (the twin)                └──> undo: the same, backwards

A step decides from the tree and the layout what must change; only the `Editor` changes it, and only
after the `Ledger` holds what was there. So an adaptation can be interrupted anywhere and repeated,
shown edit by edit, and taken back byte for byte.
"""
