# SPDX-License-Identifier: Apache-2.0
"""Programs that make initramfs images, as data.

In commands ``{release}``, ``{image}`` and ``{kernel}`` stand for a kernel's own, and a word with
``{module}`` is repeated for each module wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """How a configuration file lists modules for the next image."""

    LINES = "one a line"
    DRACUT = 'add_drivers+=" a b "'
    ARRAY = "NAME=(a b)"
    WORDS = 'NAME="a b"'
    ALIASES = "alias scsi_hostadapter a"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitramfsTool:
    """A maker of images.

    Attributes:
        program: Without it the tool is not there.
        beside: Another file that must be there: a name that a wrapper of another tool has too.
        rebuild: Command that makes one kernel's image anew.
        unified: The same for a unified kernel image; ``{line}`` is its command line, ``{line_file}``
            a file that holds it; empty: it cannot.
        state: Where it writes besides the image.
        config: File that names modules every new image shall hold; empty: there is none.
        form: How it names them.
        variable: Name of the list in that file.
        create: The file is ours alone and may be missing.
    """

    name: str
    program: str
    beside: str = ""
    rebuild: tuple[str, ...]
    unified: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    config: str = ""
    form: Form = Form.LINES
    variable: str = ""
    create: bool = False

    def command(
        self, *, release: str, image: str, kernel: str, modules: Iterable[str]
    ) -> list[str]:
        """The command for one kernel."""
        return _filled(self.rebuild, modules, release=release, image=image, kernel=kernel)

    def unified_command(
        self, *, release: str, image: str, line: str, line_file: str, modules: Iterable[str]
    ) -> list[str]:
        """The command for one unified kernel image."""
        own = {"release": release, "image": image, "line": line, "line_file": line_file}
        return _filled(self.unified, modules, **own)


def _filled(words: Iterable[str], modules: Iterable[str], **own: str) -> list[str]:
    names = list(modules)
    found: list[str] = []
    for word in words:
        if "{module}" in word:
            found += [word.format(module=name) for name in names]
        else:
            found.append(word.format(modules=" ".join(names), **own))
    return found


TOOLS = (
    InitramfsTool(
        name="initramfs-tools",
        program="update-initramfs",
        beside="/usr/share/initramfs-tools",
        rebuild=("update-initramfs", "-u", "-k", "{release}"),
        state=("/var/lib/initramfs-tools",),
        config="/etc/initramfs-tools/modules",
    ),
    InitramfsTool(
        name="dracut",
        program="dracut",
        # The image and the release by position: the first dracut (EL6) knows no other way.
        rebuild=("dracut", "--force", "--add-drivers", "{modules}", "{image}", "{release}"),
        unified=(
            *("dracut", "--force", "--uefi", "--no-hostonly-cmdline", "--kernel-cmdline", "{line}"),
            *("--add-drivers", "{modules}", "{image}", "{release}"),
        ),
        config="/etc/dracut.conf.d/90-hostlift.conf",
        form=Form.DRACUT,
        create=True,
    ),
    InitramfsTool(
        name="mkinitcpio",
        program="mkinitcpio",
        rebuild=("mkinitcpio", "-k", "{release}", "-g", "{image}"),
        unified=("mkinitcpio", "-k", "{release}", "--cmdline", "{line_file}", "-U", "{image}"),
        config="/etc/mkinitcpio.conf",
        form=Form.ARRAY,
        variable="MODULES",
    ),
    InitramfsTool(
        name="mkinitfs",
        program="mkinitfs",
        rebuild=("mkinitfs", "-o", "{image}", "{release}"),
        config="/etc/mkinitfs/mkinitfs.conf",
        form=Form.WORDS,
        variable="features",
    ),
    InitramfsTool(
        name="suse-mkinitrd",
        program="mkinitrd",
        beside="/lib/mkinitrd/scripts",
        rebuild=("mkinitrd", "-k", "{kernel}", "-i", "{image}", "-m", "{modules}"),
        config="/etc/sysconfig/kernel",
        form=Form.WORDS,
        variable="INITRD_MODULES",
    ),
    InitramfsTool(
        name="nash",
        program="mkinitrd",
        beside="/sbin/nash",
        rebuild=(
            *("mkinitrd", "-f", "--allow-missing", "--with={module}", "--preload={module}"),
            *("{image}", "{release}"),
        ),
        config="/etc/modprobe.conf",
        form=Form.ALIASES,
    ),
)

FEATURES = {"virtio": ("virtio_pci", "virtio_blk", "virtio_net", "virtio_scsi"), "nvme": ("nvme",)}
"""What mkinitfs calls groups of modules."""


def remembered(tool: InitramfsTool, text: str, modules: Iterable[str]) -> str:
    """The text of a tool's configuration with the modules it lacks."""
    names = list(modules)
    match tool.form:
        case Form.LINES:
            return _appended(text, [n for n in names if n not in _first_words(text)])
        case Form.DRACUT:
            return f'# Written by hostlift: the drivers of disks on ECS.\nadd_drivers+=" {" ".join(names)} "\n'
        case Form.ALIASES:
            known = {w[2] for line in text.splitlines() if len(w := line.split()) > 2}  # noqa: PLR2004
            return _appended(text, list(_aliases(text, [n for n in names if n not in known])))
        case Form.ARRAY:
            return _listed(text, tool.variable, names, "()")
        case Form.WORDS:
            features = [f for f, group in FEATURES.items() if set(group) & set(names)]
            words = features if tool.name == "mkinitfs" else names
            return _listed(text, tool.variable, words, '""')


def _first_words(text: str) -> set[str]:
    return {line.split()[0] for line in text.splitlines() if line.split()}


def _appended(text: str, lines: list[str]) -> str:
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}" + "".join(f"{line}\n" for line in lines)


def _aliases(text: str, names: list[str]) -> Iterator[str]:
    taken = sum(line.startswith("alias scsi_hostadapter") for line in text.splitlines())
    for number, name in enumerate(names, taken):
        yield f"alias scsi_hostadapter{number or ''} {name}"


def _listed(text: str, variable: str, names: list[str], quotes: str) -> str:
    """The last assignment of a list with what it lacks; one is added when there is none."""
    lines = text.splitlines(keepends=True)
    for index in reversed(range(len(lines))):
        name, equals, value = lines[index].partition("=")
        if name.strip() == variable and equals:
            words = value.strip().strip("()\"'").split()
            missing = [n for n in names if n not in words]
            if missing:
                lines[index] = _assignment(variable, [*words, *missing], quotes)
            return "".join(lines)
    return _appended(text, [_assignment(variable, names, quotes).rstrip()])


def _assignment(variable: str, words: list[str], quotes: str) -> str:
    return f"{variable}={quotes[0]}{' '.join(words)}{quotes[1]}\n"
