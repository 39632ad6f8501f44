# SPDX-License-Identifier: Apache-2.0
"""Finding out what a copy has: tables of tools and the files that show they are there."""
