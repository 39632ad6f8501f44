# SPDX-License-Identifier: Apache-2.0
"""The demo's source server: how its disks are made and how it runs."""
