# SPDX-License-Identifier: Apache-2.0
"""LVM2's metadata, read and written without its tools and without device-mapper."""
