# SPDX-License-Identifier: Apache-2.0
"""One file system object at a time: descriptors, metadata, content. Shared by both ends."""
