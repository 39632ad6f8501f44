# SPDX-License-Identifier: Apache-2.0
"""fstab(5): read as getmntent(3) reads it, edited byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hostlift.formats.names import unescaped

NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "ceph",
        "glusterfs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "lustre",
        "ocfs2",
        "gfs2",
        "davfs",
        "afs",
        "gpfs",
        "beegfs",
    ]
)
"""Kinds that wait for another machine."""
TAGS = ("UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=")
"""What a device is named by instead of its path."""
_BY = {
    "/dev/disk/by-uuid/": "UUID=",
    "/dev/disk/by-label/": "LABEL=",
    "/dev/disk/by-partuuid/": "PARTUUID=",
    "/dev/disk/by-partlabel/": "PARTLABEL=",
}
_UDEV = re.compile(r"\\x([0-9a-f]{2})")
_BLANK = " \t"
_FIELD = re.compile(r"[^ \t\r\n]+")
_FIELDS = 6
_ESCAPED = re.compile(r"""[ \t\n\r\\#"']""")
_QUOTED = re.compile(r"""\A([A-Z]+=)(["'])(.*)\2\Z""")


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its end; ``spans`` are the places of its fields, empty for comments."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def is_entry(self) -> bool:
        """False for comments, blank lines and lines too short to mean anything."""
        return len(self.spans) > 1

    @property
    def spec(self) -> str:
        """What is mounted; a tag's value without its quotes."""
        return unescaped(_QUOTED.sub(r"\1\3", self._field(0)))

    @property
    def file(self) -> str:
        """Where."""
        return unescaped(self._field(1))

    @property
    def kind(self) -> str:
        """File system type; ``auto`` when it is left out."""
        return self._field(2) or "auto"

    @property
    def options(self) -> tuple[str, ...]:
        """Mount options; ``defaults`` when they are left out."""
        return tuple((self._field(3) or "defaults").split(","))

    @property
    def is_needed(self) -> bool:
        """True when the boot stops where this cannot be mounted."""
        return self.is_entry and not {"nofail", "noauto"} & set(self.options)

    def with_spec(self, spec: str) -> Line:
        """The same line for another device."""
        return self._replaced(0, _ESCAPED.sub(lambda m: f"\\{ord(m[0]):03o}", spec))

    def with_options(self, *more: str) -> Line:
        """The same line with options added that it lacks."""
        missing = [o for o in more if _name(o) not in {_name(p) for p in self.options}]
        if not missing:
            return self
        if len(self.spans) < 4:  # noqa: PLR2004 - the fourth field holds the options
            kind = "" if len(self.spans) > 2 else " auto"  # noqa: PLR2004
            end = self.spans[-1][1]
            added = f"{kind} defaults,{','.join(missing)}"
            return parse_line(self.text[:end] + added + self.text[end:])
        kept = [o for o in self.options if o != "defaults"] or ["defaults"]
        return self._replaced(3, ",".join([*kept, *missing]))

    def commented(self, marker: str) -> Line:
        """The same line, switched off, with a word on why."""
        return parse_line(f"# {marker}: {self.text.lstrip()}")

    def _field(self, index: int) -> str:
        if index >= len(self.spans):
            return ""
        start, end = self.spans[index]
        return self.text[start:end]

    def _replaced(self, index: int, value: str) -> Line:
        start, end = self.spans[index]
        return parse_line(self.text[:start] + value + self.text[end:])


def spec_of(device: str) -> str:
    """A device's path as a tag, where udev made the path of one."""
    for folder, tag in _BY.items():
        if device.startswith(folder):
            value = device.removeprefix(folder)
            return tag + _UDEV.sub(lambda m: chr(int(m[1], 16)), value)
    return device


def parse_line(text: str) -> Line:
    """A line with its end, if it has one."""
    if text.lstrip(_BLANK).startswith("#"):
        return Line(text, ())
    return Line(text, tuple(m.span() for m in _FIELD.finditer(text))[:_FIELDS])


def parse(data: bytes) -> list[Line]:
    """All lines; `render` gives the same bytes back."""
    text = data.decode("utf-8", "surrogateescape")
    return [parse_line(t) for t in re.findall(r"[^\n]*\n|[^\n]+", text)]


def entries(data: bytes) -> list[Line]:
    """The lines that mean something."""
    return [line for line in parse(data) if line.is_entry]


def render(lines: list[Line]) -> bytes:
    """The file."""
    return "".join(line.text for line in lines).encode("utf-8", "surrogateescape")


def _name(option: str) -> str:
    return option.partition("=")[0]
