# SPDX-License-Identifier: Apache-2.0
"""Guest files as data: parsers and editors that keep every byte they do not mean to change.

Pure: bytes or text in, bytes or text out; nothing here touches a file system.
"""
