# SPDX-License-Identifier: Apache-2.0
"""A migration that is carried by hand between two machines (``net_mode`` 1)."""
