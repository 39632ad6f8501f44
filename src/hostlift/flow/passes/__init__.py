# SPDX-License-Identifier: Apache-2.0
"""Passes over time: what they were, what they foretell, what limits them, and repeating them."""
