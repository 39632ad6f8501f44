# SPDX-License-Identifier: Apache-2.0
"""Tap devices for virtual machines; one lives exactly as long as somebody holds its descriptor."""

from __future__ import annotations

import fcntl
import os
import struct

from hostlift.errors import HostError

_TUNSETIFF = 0x400454CA
_TUNSETVNETHDRSZ = 0x400454D8
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
_VIRTIO_NET_HEADER = 10


def open_tap(name: str) -> int:
    """Make tap ``name`` in the calling thread's network namespace; returns its descriptor.

    Raises:
        HostError: There is no ``/dev/net/tun``, the name is taken, or we lack the right.
    """
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(
            f"cannot make a tap device: {error.strerror}",
            subject="/dev/net/tun",
            hint="Run as root, with the kernel module tun loaded.",
        ) from error
    try:
        flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        fcntl.ioctl(fd, _TUNSETVNETHDRSZ, struct.pack("i", _VIRTIO_NET_HEADER))
    except OSError as error:
        os.close(fd)
        raise HostError(f"cannot make a tap device: {error.strerror}", subject=name) from error
    return fd
