# SPDX-License-Identifier: Apache-2.0
"""Unified kernel images as their makers lay them out: a PE32+ image of named sections."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_ALIGN = 512
_OPTIONAL = 112 + 16 * 8


def pe_image(sections: Sequence[tuple[str, bytes]], *, signed: bool = False) -> bytes:
    """An image of these sections, in order."""
    header_size = 64 + 24 + _OPTIONAL + 40 * len(sections)
    at = -(-header_size // _ALIGN) * _ALIGN
    table, body = b"", b""
    for number, (name, data) in enumerate(sections):
        raw = -(-len(data) // _ALIGN) * _ALIGN
        table += struct.pack(
            "<8sIIIIIIHHI",
            name.encode(),
            len(data),
            number << 20,
            raw,
            at + len(body),
            0,
            0,
            0,
            0,
            0,
        )
        body += data + bytes(raw - len(data))
    directories = bytearray(16 * 8)
    if signed:
        struct.pack_into("<II", directories, 4 * 8, at + len(body), 8)
        body += b"signed!!"
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, _OPTIONAL, 0x22)
    optional = struct.pack("<H", 0x20B) + bytes(110) + bytes(directories)
    head = dos + coff + optional + table
    return head + bytes(at - len(head)) + body


def kernel(release: str) -> bytes:
    """A kernel's header with its release, as ``file`` shows it."""
    head = bytearray(0x400)
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x20E, 0x100)
    text = f"{release} (builder@host) #1 SMP may name GRUB".encode() if release else b""
    head[0x300 : 0x300 + len(text)] = text
    return bytes(head)


def unified_image(
    *, release: str, line: str | None, initrd: bytes, signed: bool = False, says: bool = True
) -> bytes:
    """A unified kernel image.

    Args:
        line: None: it has no command line.
        says: Its maker wrote the release down.
    """
    sections = [
        (".sdmagic", b"#### LoaderInfo: systemd-stub 257 ####"),
        (".osrel", b"ID=debian\n"),
        *([(".uname", release.encode())] if says else []),
        *([(".cmdline", line.encode() + b"\0")] if line is not None else []),
        (".linux", kernel(release)),
        (".initrd", initrd),
    ]
    return pe_image(sections, signed=signed)
