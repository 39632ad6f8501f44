# SPDX-License-Identifier: Apache-2.0
"""Adaptations of the first card and its address; none knows another."""
