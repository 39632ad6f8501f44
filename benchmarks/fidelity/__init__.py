# SPDX-License-Identifier: Apache-2.0
"""What a copy keeps: hostlift, rsync, GNU tar, bsdtar, cp, borg and restic on the same objects.

`items` makes the objects, `copiers` copy them, `probe` looks at both sides with system calls of its
own (nothing of the product), `page` writes docs/fidelity.md. ``python -m benchmarks.fidelity``.
"""
