# SPDX-License-Identifier: Apache-2.0
"""What the cloud sells: regions, instance types, disks; what is in stock where; what it costs."""
