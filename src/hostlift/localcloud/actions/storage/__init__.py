# SPDX-License-Identifier: Apache-2.0
"""Disks, snapshots, images."""
