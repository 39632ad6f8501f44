# SPDX-License-Identifier: Apache-2.0
"""Who writes to the source's disks, and holding them still for a moment."""
