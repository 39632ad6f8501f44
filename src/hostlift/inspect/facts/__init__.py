# SPDX-License-Identifier: Apache-2.0
"""What a running server is to those who use it, section by section; nothing is changed."""
