# SPDX-License-Identifier: Apache-2.0
"""Formats that more than one capability reads: inspection judges the source by them, adaptation mends the copy.

Pure: bytes in, bytes or facts out. Formats that only adaptation edits are in ``adapt/formats``.
"""
