# SPDX-License-Identifier: Apache-2.0
"""The archive appended to an initramfs that lacks drivers: modules, and a script that loads them.

Debian's and Red Hat's images have ``lib`` as a link: files go below ``usr/lib`` then, or the link
would be replaced by a folder.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence

from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.images.kernels import MODULES, Kernel
from hostlift.adapt.linux.templates import template
from hostlift.errors import AdaptError
from hostlift.formats import cpio, imagekinds, initramfs
from hostlift.formats.cpio import Member
from hostlift.formats.imagekinds import ORDER, ImageKind

_SCRIPT = "scripts/init-top/hostlift"
_CALL = '/scripts/init-top/hostlift "$@"\n[ -e /conf/param.conf ] && . /conf/param.conf\n'
_HOOK = f"{imagekinds.DRACUT_HOOKS}/00-hostlift.sh"
_OLD_INIT = "hostlift/init"
_LOADERS = (
    "bin/kmod",
    "usr/bin/kmod",
    "sbin/kmod",
    "usr/sbin/kmod",
    "sbin/modprobe",
    "usr/sbin/modprobe",
)
_NASH_START = re.compile(rb"(?m)^(?=[ \t]*(?:insmod|mkblkdevs|echo Creating block))")
_FILE, _PROGRAM = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755
_FOLDER, _LINK = stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


def supplement(bench: Bench, kernel: Kernel, names: list[str], present: list[Member]) -> bytes:
    """An archive that makes a kernel load ``names``, in this order, before it looks for disks.

    Raises:
        AdaptError: There is no way to join the start of this image.
    """
    by_name = {member.name: member for member in present}
    library = "usr/lib" if by_name.get("lib", Member("lib", _FOLDER)).is_link else "lib"
    files: list[Member] = []
    for name in names:
        path = kernel.modules.files[name]
        data = initramfs.plain_module(path, bench.tree.read(f"{MODULES}/{kernel.release}/{path}"))
        place = f"{library}/modules/{kernel.release}/hostlift/{name}.ko"
        files.append(Member(place, _FILE, len(data), data))
    paths = [f"/{file.name}" for file in files]
    files.append(Member("hostlift/insmod", _LINK, data=f"/{_loader(by_name)}".encode()))
    files += _start(present, paths, library)
    return cpio.write([*_folders(files, by_name), *files])


def _start(present: list[Member], modules: Sequence[str], library: str) -> list[Member]:
    """The script, where this image's init runs it."""
    script = template("load-modules.sh").replace(b"@MODULES@", " ".join(modules).encode())
    match imagekinds.kind_of(present):
        case ImageKind.INITRAMFS_TOOLS:
            order = next(m.data for m in reversed(present) if m.name == ORDER)
            return [
                Member(_SCRIPT, _PROGRAM, data=script),
                Member(ORDER, _FILE, data=_CALL.encode() + order.replace(_CALL.encode(), b"")),
            ]
        case ImageKind.DRACUT:
            hook = _HOOK if library == "lib" else f"usr/{_HOOK}"
            return [Member(hook, _PROGRAM, data=script)]
        case ImageKind.NASH:
            return [_nash_init(present, modules)]
        case ImageKind.SHELL:
            return _in_front(present, script)
        case ImageKind.CLOSED:
            raise AdaptError(
                "it lacks drivers, and there is no way to join its start (no shell in it)",
                subject="initramfs",
                hint="Add virtio_pci and virtio_blk to the initramfs on the source, then migrate again.",
            )


def _in_front(present: list[Member], script: bytes) -> list[Member]:
    """An init of ours that loads the modules and goes on with the old one, kept under another name."""
    init = imagekinds.init_of(present)
    shell = imagekinds.shell_of(present)
    if init is None:
        return []
    words = shell if shell.endswith("sh") else f"{shell} sh"
    first = f"#!/{words}\n".encode() + script.partition(b"\n")[2]
    target = init.data.decode("utf-8", "surrogateescape")
    if init.is_link:
        old = f"/{target.lstrip('/')}"
        kept: list[Member] = []
    else:
        old = f"/{_OLD_INIT}"
        kept = [Member(_OLD_INIT, init.mode, data=init.data)]
    return [*kept, Member("init", _PROGRAM, data=first + f'exec {old} "$@"\n'.encode())]


def _nash_init(present: list[Member], modules: Sequence[str]) -> Member:
    """Nash has no shell: its own list of what it does gets more lines, before disks are looked for."""
    init = imagekinds.init_of(present)
    data = init.data if init is not None else b""
    lines = "".join(f"insmod {path}\n" for path in modules).encode()
    found = _NASH_START.search(data)
    at = found.start() if found is not None else data.index(b"\n") + 1
    return Member("init", _PROGRAM, data=data[:at] + lines + data[at:])


def _loader(by_name: dict[str, Member]) -> str:
    """kmod, called ``insmod`` by the name of the link to it."""
    for name in _LOADERS:
        member = by_name.get(name)
        if member is not None and not member.is_link:
            return name
    return next((name for name in _LOADERS if name in by_name), "bin/busybox")


def _folders(files: list[Member], by_name: dict[str, Member]) -> list[Member]:
    """Parents that the image does not have yet, outermost first."""
    parents: dict[str, None] = {}
    for file in files:
        parts = file.name.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            parents["/".join(parts[:end])] = None
    return [Member(p, _FOLDER) for p in parents if p not in by_name]
