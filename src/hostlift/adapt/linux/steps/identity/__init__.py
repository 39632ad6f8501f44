# SPDX-License-Identifier: Apache-2.0
"""Adaptations of who the system is and which services it runs; none knows another."""
