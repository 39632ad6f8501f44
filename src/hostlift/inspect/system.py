# SPDX-License-Identifier: Apache-2.0
"""The installed system: distribution, kernels, boot loader, firmware, SELinux."""

from __future__ import annotations

import re
import shlex
import struct
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from hostlift.inspect.guest import Guest
from hostlift.inspect.tools import Tools
from hostlift.model import bootfiles
from hostlift.model.machine import Disk, Firmware, Kernel, TableKind

ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
BIOS_BOOT_TYPE = "21686148-6449-6E6F-744E-656564454649"
_IMAGE = re.compile(r"(?:vmlinuz|vmlinux|bzImage|Image|kernel)-(.+)")
_INITRAMFS = (
    "initrd.img-{v}",
    "initramfs-{v}.img",
    "initrd-{v}",
    "initrd-{v}.img",
    "initramfs-{v}",
)
_UNIFIED = ("/boot/efi/EFI/Linux", "/efi/EFI/Linux", "/boot/EFI/Linux")
"""Where unified kernel images are: kernel and initramfs in one file."""
_NOT_KERNELS = ("rescue", ".old", "kdump", ".sig", ".hmac", "memtest")
_ELF_MACHINES = {3: "i386", 62: "x86_64", 183: "aarch64", 40: "armv7l", 243: "riscv64"}
_ELF_HEAD = 20
_LOADERS = (
    ("grub2", ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")),
    ("grub-legacy", ("/boot/grub/menu.lst", "/boot/grub/grub.conf")),
    ("systemd-boot", ("/boot/efi/EFI/systemd", "/boot/EFI/systemd", "/efi/EFI/systemd")),
    ("extlinux", ("/boot/extlinux.conf", "/boot/extlinux/extlinux.conf", "/boot/syslinux")),
    ("unified", _UNIFIED),
)
_EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
_BIOS_ONLY = frozenset({"grub-legacy", "extlinux"})
_UEFI_ONLY = frozenset({"systemd-boot", "unified"})
_GRUB_PACKAGES = ("grub-common", "grub2-common", "grub-pc", "grub-efi-amd64")
_GRUB_MODULE = "/boot/grub*/*/normal.mod"
_HYPERVISORS = (
    ("VMware", "vmware"),
    ("VirtualBox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("Microsoft Corporation Virtual", "hyperv"),
    ("Xen", "xen"),
    ("Amazon EC2", "amazon"),
    ("Google", "google"),
    ("Alibaba Cloud", "alibaba"),
    ("QEMU", "qemu"),
    ("KVM", "kvm"),
    ("Parallels", "parallels"),
    ("Nutanix", "nutanix"),
    ("OpenStack", "kvm"),
)


def os_release(guest: Guest) -> dict[str, str]:
    """Keys of os-release; a system without one is known by its older files."""
    text = guest.text("/etc/os-release") or guest.text("/usr/lib/os-release")
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            values[key.strip()] = _unquote(value.strip())
    if not values:
        values = _before_os_release(guest)
    return values


def _unquote(value: str) -> str:
    try:
        return " ".join(shlex.split(value, comments=False))
    except ValueError:
        return value.strip("\"'")


def _before_os_release(guest: Guest) -> dict[str, str]:
    olds = (("redhat-release", "rhel"), ("SuSE-release", "sles"), ("debian_version", "debian"))
    for name, family in olds:
        text = guest.text(f"/etc/{name}").strip().splitlines()
        if text:
            id_ = "centos" if "CentOS" in text[0] else family
            version = re.search(r"\d[\d.]*", text[0])
            return {"ID": id_, "NAME": text[0], "VERSION_ID": version[0] if version else ""}
    return {}


def kernels(guest: Guest, running: str) -> tuple[Kernel, ...]:
    """Installed kernels and their initramfs, by the naming of every family."""
    names = guest.names("/boot")
    found = []
    for name in names:
        match = _IMAGE.fullmatch(name)
        if match is None or any(word in name for word in _NOT_KERNELS):
            continue
        version = match[1]
        initramfs = next((n for n in (p.format(v=version) for p in _INITRAMFS) if n in names), "")
        release = _release(guest, version)
        found.append(
            Kernel(
                release=release,
                image=f"/boot/{name}",
                initramfs=f"/boot/{initramfs}" if initramfs else "",
                running=release == running,
            )
        )
    return _with_unified(guest, found, running)


def _with_unified(guest: Guest, found: list[Kernel], running: str) -> tuple[Kernel, ...]:
    """The same, with kernels that come as unified images, or have their initramfs in one."""
    images: dict[str, str] = {}
    for folder in _UNIFIED:
        for name in guest.names(folder):
            release = _unified_release(guest, name) if name.lower().endswith(".efi") else ""
            if release:
                images.setdefault(release, f"{folder}/{name}")
    kernels = [replace(k, initramfs=k.initramfs or images.get(k.release, "")) for k in found]
    known = {k.release for k in kernels}
    kernels += [
        Kernel(release=release, image=path, initramfs=path, running=release == running)
        for release, path in images.items()
        if release not in known
    ]
    return tuple(kernels)


def _unified_release(guest: Guest, name: str) -> str:
    """Named by release (kernel-install, dracut) or by flavour (mkinitcpio); one kernel is that one."""
    modules = guest.names("/lib/modules")
    flavours = {r: guest.text(f"/lib/modules/{r}/pkgbase").strip() for r in modules}
    named = sorted((r for r in modules if r in name), key=len, reverse=True)
    named += [r for r, base in sorted(flavours.items()) if base and f"-{base}." in name]
    named += modules if len(modules) == 1 else []
    return named[0] if named else ""


def _release(guest: Guest, version: str) -> str:
    """Arch and Alpine name images by flavour: the module folder knows the release."""
    modules = guest.names("/lib/modules")
    if version in modules:
        return version
    for release in modules:
        flavour = guest.text(f"/lib/modules/{release}/pkgbase").strip().removeprefix("linux-")
        if flavour == version.removeprefix("linux-") or release.endswith(f"-{version}"):
            return release
    return version


def architecture(guest: Guest) -> str:
    """Machine type of the userland, from the header of a program every system has."""
    for path in ("/bin/sh", "/usr/bin/env", "/sbin/init"):
        head = guest.data(path)[:_ELF_HEAD]
        if head[:4] == b"\x7fELF" and len(head) == _ELF_HEAD:
            order = ">" if head[5:6] == b"\x02" else "<"
            (machine,) = struct.unpack_from(order + "H", head, 18)
            return _ELF_MACHINES.get(machine, f"elf-{machine}")
    return ""


def loader(guest: Guest, tools: Tools, *, live: bool) -> tuple[str, str]:
    """Boot loader and its version, each empty when unknown."""
    name = next((n for n, paths in _LOADERS if any(guest.exists(p) for p in paths)), "")
    if name != "grub2":
        return name, ""
    version = _grub_from_dpkg(guest) or _grub_from_module(guest)
    if not version and live:
        for program in ("grub2-install", "grub-install"):
            match = re.search(r"\) (\S+)", tools.optional([program, "--version"]))
            version = version or (match[1] if match else "")
    return name, version


def startable(guest: Guest, loader_name: str) -> tuple[Firmware, ...]:
    """Firmware that what is installed can start the system by.

    Args:
        loader_name: As `loader` tells it.
    """
    found = []
    bios = (*bootfiles.GRUB_BIOS_MODULES, *bootfiles.GRUB_BIOS_IMAGES)
    if loader_name in _BIOS_ONLY or (loader_name == "grub2" and _any(guest, bios)):
        found.append(Firmware.BIOS)
    packaged = (first for first, second in bootfiles.PACKAGED_EFI if _all(guest, (first, second)))
    efi = (*packaged, *bootfiles.GRUB_EFI_MODULES, *bootfiles.EFI_IMAGES)
    if loader_name in _UEFI_ONLY or (loader_name == "grub2" and _any(guest, efi)):
        found.append(Firmware.UEFI)
    return tuple(found)


def _any(guest: Guest, patterns: Iterable[str]) -> bool:
    return any(guest.glob(pattern) for pattern in patterns)


def _all(guest: Guest, paths: Iterable[str]) -> bool:
    return all(guest.exists(path) for path in paths if path)


def _grub_from_dpkg(guest: Guest) -> str:
    status = guest.text("/var/lib/dpkg/status")
    for package in _GRUB_PACKAGES:
        at = ("\n" + status).find(f"\nPackage: {package}\n")
        if at >= 0:
            stanza = status[at:].split("\n\n", 1)[0]
            match = re.search(r"^Version: (\S+)", stanza, re.MULTILINE)
            if match and "\nStatus: install ok installed" in stanza:
                return match[1]
    return ""


def _grub_from_module(guest: Guest) -> str:
    """The core's ``normal`` module carries the version it greets with."""
    for path in guest.glob(_GRUB_MODULE):
        match = re.search(rb"\0(\d\.\d\d[0-9A-Za-z.+~:-]*)\0", guest.data(path))
        if match:
            return match[1].decode("ascii")
    return ""


def firmware(sys: Path, disks: Iterable[Disk], *, live: bool) -> Firmware:
    """How the source starts: the running kernel knows; offline the partitions tell."""
    if live:
        return Firmware.UEFI if (sys / "firmware/efi").exists() else Firmware.BIOS
    parts = [(d.table, p.type) for d in disks for p in d.partitions]
    bios = (TableKind.GPT, BIOS_BOOT_TYPE) in parts
    esp = (TableKind.GPT, ESP_TYPE) in parts or (TableKind.MBR, "ef") in parts
    return Firmware.UEFI if esp and not bios else Firmware.BIOS


def secure_boot(sys: Path) -> str:
    """``on``, ``off`` or ``setup``, as the firmware's variables say; empty without them.

    Variables of UEFI are behind four octets of attributes in efivarfs; before Linux 3.8 they were
    bare, in ``efi/vars``.
    """
    values = {name: _variable(sys, name) for name in ("SecureBoot", "SetupMode")}
    if values["SecureBoot"] is None:
        return ""
    if values["SecureBoot"]:
        return "on"
    return "setup" if values["SetupMode"] else "off"


def _variable(sys: Path, name: str) -> int | None:
    places = ((f"efivars/{name}-{_EFI_GLOBAL}", 4), (f"vars/{name}-{_EFI_GLOBAL}/data", 0))
    for place, before in places:
        try:
            value = (sys / "firmware/efi" / place).read_bytes()[before:]
        except OSError:
            continue
        return value[0] if value else None
    return None


def selinux(guest: Guest, sys: Path, *, live: bool) -> str:
    """``enforcing``, ``permissive``, ``disabled`` or ``absent``."""
    enforce = sys / "fs/selinux/enforce"
    if live and enforce.exists():
        return "enforcing" if enforce.read_text().strip() == "1" else "permissive"
    match = re.search(r"^\s*SELINUX=(\w+)", guest.text("/etc/selinux/config"), re.MULTILINE)
    configured = match[1].lower() if match else ""
    if configured and live:
        return "disabled"
    return configured or "absent"


def virtualization(sys: Path, proc: Path) -> str:
    """The hypervisor or container this runs in; empty on bare metal or when unknown."""
    environ = _read(proc / "1/environ")
    for word in environ.split("\0"):
        if word.startswith("container="):
            return word.removeprefix("container=")
    if _read(sys / "hypervisor/type").strip() == "xen":
        return "xen"
    words = " ".join(
        _read(sys / "class/dmi/id" / name).strip()
        for name in ("sys_vendor", "product_name", "bios_vendor", "board_vendor")
    )
    return next((name for sign, name in _HYPERVISORS if sign in words), "")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
