# SPDX-License-Identifier: Apache-2.0
"""Where instances stand: networks, addresses, and what is in stock."""
