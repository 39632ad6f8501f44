# SPDX-License-Identifier: Apache-2.0
"""Adaptations, one file each; none knows another."""
