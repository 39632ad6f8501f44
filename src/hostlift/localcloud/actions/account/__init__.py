# SPDX-License-Identifier: Apache-2.0
"""Money and limits of the account."""
