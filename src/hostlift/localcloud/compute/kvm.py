# SPDX-License-Identifier: Apache-2.0
"""Whether KVM really works.

That ``/dev/kvm`` exists proves nothing: in many nested machines a guest started with it never runs
its first instruction. So a 512-byte guest is started. It enters protected mode, which is where broken nesting shows, and
leaves through QEMU's debug exit device, with the machine and processor that instances get. It must
do so about as fast as under translation: there is a KVM that takes 5 s where translation takes 0.13,
and then fails on a processor register it does not have. On a very busy machine a working KVM may be
taken for a broken one: slow, never wrong.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from hostlift.errors import CommandFailed
from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.files import replaced

_DEVICE = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LONGEST = 20.0
_SHORTEST = 1.0
_TIMES = 4
"""KVM may take so many times as long as translation took, and a second at least."""
_PORT = 0xF4
_EXIT_VALUE = 0x11
_EXPECTED_STATUS = _EXIT_VALUE << 1 | 1
"""The device's rule for its exit status."""
_SECTOR = 512
_DISK = 1 << 20
"""The firmware finds no disk in a file of one sector."""


def usable(folder: Path, device: Path = _DEVICE) -> bool:
    """True when a guest runs with KVM. Asked once per boot of the host.

    Args:
        folder: Where the answer is kept.
        device: The kernel's KVM device.
    """
    if not os.access(device, os.R_OK | os.W_OK):
        return False
    answer = folder / "kvm"
    boot = _BOOT_ID.read_text().strip()
    known = answer.read_text().split() if answer.exists() else []
    if known[:1] != [boot]:
        works = _works(folder)
        with replaced(answer) as draft:
            draft.write_text(f"{boot} {'yes' if works else 'no'}\n")
        return works
    return known[1:] == ["yes"]


def _works(folder: Path) -> bool:
    began = time.monotonic()
    if not leaves(folder, accelerator="tcg", cpu="Westmere", limit=_LONGEST):
        return False
    limit = max(_SHORTEST, _TIMES * (time.monotonic() - began))
    return leaves(folder, accelerator="kvm", cpu="host", limit=limit)


def leaves(folder: Path, *, accelerator: str, cpu: str, limit: float) -> bool:
    """Start the guest; True when it leaves as it should within ``limit`` seconds."""
    sector = folder / "kvm-probe.img"
    sector.write_bytes(boot_sector().ljust(_DISK, b"\0"))
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"]
    argv += ["-machine", "q35", "-accel", accelerator, "-cpu", cpu, "-m", "16"]
    argv += ["-device", f"isa-debug-exit,iobase=0x{_PORT:x},iosize=1"]
    argv += ["-drive", "file=kvm-probe.img,format=raw,if=ide"]
    try:
        done = SystemCommands().run(argv, timeout=limit, check=False, cwd=folder)
    except CommandFailed:
        return False  # ran into the limit
    finally:
        sector.unlink(missing_ok=True)
    return done.status == _EXPECTED_STATUS


def boot_sector() -> bytes:
    """The guest, assembled by hand; it is loaded at 0x7c00."""
    gdt_at, pointer_at, protected_at = 0x7C40, 0x7C58, 0x7C20
    real = b"\xfa\x31\xc0\x8e\xd8"  # cli; xor ax, ax; mov ds, ax
    real += b"\x0f\x01\x16" + pointer_at.to_bytes(2, "little")  # lgdt [pointer]
    real += b"\x0f\x20\xc0\x0c\x01\x0f\x22\xc0"  # mov eax, cr0; or al, 1; mov cr0, eax
    real += b"\xea" + protected_at.to_bytes(2, "little") + b"\x08\x00"  # jmp 8:protected
    protected = b"\x66\xba" + _PORT.to_bytes(2, "little")  # mov dx, PORT
    protected += bytes([0xB0, _EXIT_VALUE]) + b"\xee"  # mov al, VALUE; out dx, al
    protected += b"\xf4\xeb\xfd"  # hlt; jmp back to it
    table = bytes(8) + bytes.fromhex("ffff0000009acf00")  # null; flat 32-bit code
    pointer = (len(table) - 1).to_bytes(2, "little") + gdt_at.to_bytes(4, "little")
    sector = real.ljust(0x20, b"\0") + protected.ljust(0x20, b"\0")
    sector += table.ljust(pointer_at - gdt_at, b"\0") + pointer
    return sector.ljust(_SECTOR - 2, b"\0") + b"\x55\xaa"
