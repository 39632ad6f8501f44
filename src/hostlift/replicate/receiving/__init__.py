# SPDX-License-Identifier: Apache-2.0
"""The target's half of a pass: applying operations and making them durable."""
