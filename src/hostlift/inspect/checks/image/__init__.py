# SPDX-License-Identifier: Apache-2.0
"""What Alibaba's image checks ask of a Linux system, with their ids where there are any.

Sources: the current image check (``GUESTOS.*``), the older image_check tool's 16 items and SMC's
drill; `reference/linux-boot.md` §5 and `reference/alibaba-tool.md` §3 of the design.
"""
