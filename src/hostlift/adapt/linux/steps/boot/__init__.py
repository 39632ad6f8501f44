# SPDX-License-Identifier: Apache-2.0
"""Adaptations of from the firmware to the root file system; none knows another."""
