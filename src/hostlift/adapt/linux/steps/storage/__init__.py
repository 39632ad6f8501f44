# SPDX-License-Identifier: Apache-2.0
"""Adaptations of disks and what names them; none knows another."""
