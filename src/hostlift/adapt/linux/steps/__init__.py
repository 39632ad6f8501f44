# SPDX-License-Identifier: Apache-2.0
"""Adaptations, one file each, by what they are about; none knows another."""
