# SPDX-License-Identifier: Apache-2.0
"""Boot code for BIOS, one file for each boot loader that has some."""
