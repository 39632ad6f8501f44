# SPDX-License-Identifier: Apache-2.0
"""The header of a kernel for x86: which release it is.

Format: ``Documentation/arch/x86/boot.rst`` of the kernel.
"""

from __future__ import annotations

import struct

_MAGIC, _MAGIC_AT = b"HdrS", 0x202
_VERSION_AT, _SETUP = 0x20E, 0x200
_LONGEST = 256


def release(kernel: bytes) -> str:
    """What ``uname -r`` says of it; empty when this is no such kernel, or it does not say."""
    if kernel[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] != _MAGIC or len(kernel) < _VERSION_AT + 2:
        return ""
    (at,) = struct.unpack_from("<H", kernel, _VERSION_AT)
    text = kernel[at + _SETUP : at + _SETUP + _LONGEST] if at else b""
    words = text.partition(b"\0")[0].decode("ascii", "replace").split()
    return words[0] if words else ""
