# SPDX-License-Identifier: Apache-2.0
"""What an account may do, has and pays."""
