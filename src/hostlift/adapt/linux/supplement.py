# SPDX-License-Identifier: Apache-2.0
"""The archive appended to an initramfs that lacks drivers: modules, and a script that loads them.

Known makers of images: initramfs-tools (its ``ORDER`` file names what runs, so a new one is
shipped) and dracut (a hook folder). Debian's images have ``lib`` as a link: files go below
``usr/lib`` then, or the link would be replaced by a folder.
"""

from __future__ import annotations

import stat

from hostlift.adapt.formats import cpio, initramfs
from hostlift.adapt.formats.cpio import Member
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.kernels import MODULES, Kernel
from hostlift.adapt.linux.templates import template
from hostlift.errors import AdaptError

ORDER = "scripts/init-top/ORDER"
_SCRIPT = "scripts/init-top/hostlift"
_CALL = '/scripts/init-top/hostlift "$@"\n[ -e /conf/param.conf ] && . /conf/param.conf\n'
_HOOK = "lib/dracut/hooks/pre-udev/00-hostlift.sh"
_DRACUT = ("usr/lib/dracut", "lib/dracut", "usr/lib/dracut/hooks", "lib/dracut/hooks")
_LOADERS = (
    "bin/kmod",
    "usr/bin/kmod",
    "sbin/kmod",
    "usr/sbin/kmod",
    "sbin/modprobe",
    "usr/sbin/modprobe",
)
_FILE, _PROGRAM = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755
_FOLDER, _LINK = stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


def supplement(bench: Bench, kernel: Kernel, names: list[str], present: list[Member]) -> bytes:
    """An archive that makes a kernel load ``names``, in this order, before it looks for disks.

    Raises:
        AdaptError: The image is of a maker whose start we do not know how to join.
    """
    by_name = {member.name: member for member in present}
    library = "usr/lib" if by_name.get("lib", Member("lib", _FOLDER)).is_link else "lib"
    below = f"{library}/modules/{kernel.release}"
    files: list[Member] = []
    for name in names:
        path = kernel.modules.files[name]
        data = initramfs.plain_module(path, bench.tree.read(f"{MODULES}/{kernel.release}/{path}"))
        files.append(Member(f"{below}/hostlift/{name}.ko", _FILE, len(data), data))
    files.append(Member("hostlift/insmod", _LINK, data=f"/{_loader(by_name)}".encode()))
    paths = " ".join(f"/{f.name}" for f in files[: len(names)])
    script = template("load-modules.sh").replace(b"@MODULES@", paths.encode())
    files += _start(by_name, script, library)
    return cpio.write([*_folders(files, by_name), *files])


def _start(by_name: dict[str, Member], script: bytes, library: str) -> list[Member]:
    """The script, where this image's init runs it."""
    if ORDER in by_name:
        order = _without_ours(by_name[ORDER].data)
        return [
            Member(_SCRIPT, _PROGRAM, data=script),
            Member(ORDER, _FILE, data=_CALL.encode() + order),
        ]
    if any(name in by_name for name in _DRACUT):
        hook = _HOOK if library == "lib" else f"usr/{_HOOK}"
        return [Member(hook, _PROGRAM, data=script)]
    raise AdaptError(
        "it lacks drivers, and its maker is unknown",
        subject="initramfs",
        hint="Add virtio_pci and virtio_blk to the initramfs on the source, then migrate again.",
    )


def _without_ours(order: bytes) -> bytes:
    return order.replace(_CALL.encode(), b"")


def _loader(by_name: dict[str, Member]) -> str:
    """kmod, called ``insmod`` by the name of the link to it."""
    for name in _LOADERS:
        member = by_name.get(name)
        if member is not None and not member.is_link:
            return name
    return next((name for name in _LOADERS if name in by_name), "bin/kmod")


def _folders(files: list[Member], by_name: dict[str, Member]) -> list[Member]:
    """Parents that the image does not have yet, outermost first."""
    parents: dict[str, None] = {}
    for file in files:
        parts = file.name.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            parents["/".join(parts[:end])] = None
    return [Member(p, _FOLDER) for p in parents if p not in by_name]
