# SPDX-License-Identifier: Apache-2.0
"""What the driver asks: one frozen record per action, named and spelt as the API spells it."""
