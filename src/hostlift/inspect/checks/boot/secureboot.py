# SPDX-License-Identifier: Apache-2.0
"""Secure Boot: whether the source relies on it, and whether its copy could start with it.

ECS starts instances without it unless it is asked for; keys that were enrolled in this machine's
firmware (MOK) stay in that firmware. A copy of a source that has it on is weaker without a word.
"""

from __future__ import annotations

from hostlift.errors import FormatError
from hostlift.formats import pe
from hostlift.formats.initramfs import plain_module
from hostlift.formats.modules import is_module
from hostlift.inspect.checks.context import Check, CheckContext, note, ok, warning
from hostlift.inspect.guest import Guest
from hostlift.inspect.kernelmodules import default_kernel
from hostlift.model.finding import Finding
from hostlift.model.machine import Firmware, Machine

ID = "hostlift.SecureBoot"
TITLE = "Secure Boot"
MODULES_ID = "hostlift.ModuleSignatures"
_ESP = ("/boot/efi", "/efi", "/boot")
_SECOND = ("grubx64.efi", "grubaa64.efi", "grub.efi", "systemd-bootx64.efi")
_FOREIGN = ("updates", "extra", "weak-updates", "misc")
_MOK = ("/var/lib/shim-signed/mok/MOK.der", "/var/lib/dkms/mok.pub", "/etc/pki/akmods/certs")
_SIGNATURE = b"~Module signature appended~\n"
_DEEPEST = 6
_KEEP = (
    "Start the copy as an instance with Secure Boot, or keep its rules without it: add"
    " lockdown=integrity module.sig_enforce=1 to the kernel's command line."
)
_INSTALL = (
    "Install the signed loaders (shim-signed and grub-efi-amd64-signed, shim-x64 and"
    " grub2-efi-x64) and the distribution's kernel, or leave Secure Boot off."
)


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """What it is here, what the loaders could do on ECS, whose keys the modules need."""
    if machine.firmware is not Firmware.UEFI:
        return [ok(ID, TITLE, "none: the source starts by BIOS")]
    guest = context.guest(machine)
    unsigned = _unsigned(guest, machine)
    found = [_chain(machine, unsigned)]
    return [*found, *_modules(guest, machine)]


def _chain(machine: Machine, unsigned: list[str]) -> Finding:
    state = machine.secure_boot or "not known"
    if machine.secure_boot == "on" and unsigned:
        evidence = (
            f"on here by keys of its own; {'; '.join(unsigned)}: it starts on ECS without it only"
        )
        return warning(ID, TITLE, evidence, _INSTALL)
    if machine.secure_boot == "on":
        evidence = (
            "on here, off on ECS unless the instance asks for it: the kernel no longer locks itself"
            " down. Loaders and kernel stay signed"
        )
        return warning(ID, TITLE, evidence, _KEEP)
    if unsigned:
        return note(ID, TITLE, f"{state}; it could not be switched on: {'; '.join(unsigned)}")
    return ok(ID, TITLE, f"{state}; loaders and kernel are signed")


def _unsigned(guest: Guest, machine: Machine) -> list[str]:
    """What a firmware with the usual keys would refuse, or miss."""
    problems = []
    folders = [f for top in _ESP for f in _folders(guest, top)]
    chains = [problem for folder in folders if (problem := _refused(guest, folder)) is not None]
    if not chains:
        problems.append("no shim on the EFI partition")
    elif all(chains):
        problems.append(chains[0])
    starts = default_kernel(guest, machine)
    image = next((k.image for k in machine.kernels if k.release == starts), "")
    if image and not pe.is_signed(guest.data(image)):
        problems.append(f"{image} is not signed")
    return problems


def _folders(guest: Guest, top: str) -> list[str]:
    efi = next((f"{top}/{n}" for n in guest.names(top) if n.casefold() == "efi"), "")
    return [f"{efi}/{n}" for n in guest.names(efi)] if efi else []


def _refused(guest: Guest, folder: str) -> str | None:
    """What is wrong with shim and what it starts; empty: nothing; None: there is no shim."""
    names = {n.casefold(): f"{folder}/{n}" for n in guest.names(folder)}
    images = {name: path for name, path in names.items() if name.endswith(".efi")}
    shim = next((p for p in images.values() if pe.SHIM_MARK in guest.data(p)), "")
    if not shim:
        return None
    second = next((images[name] for name in _SECOND if name in images), "")
    if not second:
        return f"{shim} has nothing beside it to start"
    return next(
        (f"{p} is not signed" for p in (shim, second) if not pe.is_signed(guest.data(p))), ""
    )


def _modules(guest: Guest, machine: Machine) -> list[Finding]:
    """Modules that others than the distribution made: with keys that stay behind, or with none."""
    starts = default_kernel(guest, machine)
    tops = [f"/lib/modules/{starts}/{name}" for name in _FOREIGN] if starts else []
    paths = [path for top in tops for path in _below(guest, top, _DEEPEST)]
    if not paths:
        return []
    bare = [path for path in paths if not _is_signed(guest, path)]
    keys = [path for path in _MOK if guest.exists(path)]
    evidence = f"{len(paths)} of kernel {starts} are not the distribution's"
    if bare:
        evidence += f"; {len(bare)} have no signature ({bare[0]})"
    if keys:
        evidence += f"; signed with keys of this machine ({', '.join(keys)})"
    evidence += (
        ": with Secure Boot the copy loads them once their key is enrolled there (mokutil --import)"
    )
    return [note(MODULES_ID, "Modules from elsewhere", evidence)]


def _below(guest: Guest, folder: str, deep: int) -> list[str]:
    found = []
    for name in guest.names(folder):
        path = f"{folder}/{name}"
        kind, _ = guest.look(path)
        if kind == "dir" and deep:
            found += _below(guest, path, deep - 1)
        elif kind == "file" and is_module(name):
            found.append(path)
    return found


def _is_signed(guest: Guest, path: str) -> bool:
    try:
        return plain_module(path, guest.data(path)).endswith(_SIGNATURE)
    except FormatError:
        return False


CHECK = Check(ID, TITLE, run)
