# SPDX-License-Identifier: Apache-2.0
"""What a copy cannot hold, as far as file systems tell it without looking at every file.

A volume is made as its source was, so that little is lost; but a file system that is not listed in
data_disks is merged into the one above it, and a plain directory that becomes a disk gets a file
system like the root's. What only single objects show is a finding of the pass that copies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hostlift.inspect.checks.context import Check, CheckContext, blocker, note, ok, warning
from hostlift.model.finding import Finding
from hostlift.model.machine import FileSystem, Machine

ID = "hostlift.Fidelity"
TITLE = "What the copy can hold"

_SMALL_INODE = 128
_USUAL_INODE = 256
_LIKE_ROOT = frozenset({"ext4", "xfs"})
_EXT = frozenset({"ext2", "ext3", "ext4"})
_LACKS = {
    "xfs": "device numbers of 512 and more, symbolic links of 1024 bytes and more, the flags of"
    " chattr that XFS does not know (c, j, t, D, T)",
    "ext4": "project ids, no-copy-on-write and compression flags, extended attributes of more than"
    " one block a file",
    "btrfs": "project ids, the flags of chattr that btrfs does not know (j, t, T)",
}
_LACKS |= dict.fromkeys(("ext2", "ext3"), _LACKS["ext4"])
_SEALS = {
    "verity": "fs-verity: content is copied, the seal is not",
    "casefold": "casefold: its directories tell upper from lower case on the target",
}
_QUOTAS = frozenset({"usrquota", "grpquota", "prjquota", "uquota", "gquota", "pquota"})


@dataclass(frozen=True, slots=True)
class _Move:
    """A file system whose files go into one that is not made after it."""

    source: FileSystem
    place: str
    into: FileSystem


def run(machine: Machine, context: CheckContext) -> list[Finding]:
    """Every file system by itself, then every one that becomes part of another."""
    found = [f for fs in machine.file_systems for f in _alone(fs)]
    for move in _moves(machine, context):
        found += _moved(move)
    return found or [ok(ID, TITLE, "everything that these file systems hold")]


def _alone(fs: FileSystem) -> Iterator[Finding]:
    """What is lost although the target is made as the source is."""
    for feature, loss in _SEALS.items():
        if feature in fs.features:
            remedy = "Set it up again on the migrated server where it is used."
            yield warning(ID, TITLE, f"{fs.mount_point} has the feature {loss}", remedy)
    if _QUOTAS & {o.partition("=")[0] for o in fs.options}:
        evidence = f"{fs.mount_point} is mounted with quotas: usage is counted anew, limits are not"
        yield warning(ID, TITLE, f"{evidence} copied", "Dump the limits, and set them afterwards.")
    if any(o.startswith("compress") for o in fs.options):
        evidence = f"{fs.mount_point} is compressed by its file system; the copy is written without"
        remedy = "Give its target disk room for the uncompressed size (compsize tells it)."
        yield warning(ID, TITLE, evidence, remedy)
    if fs.kind == "btrfs" or {"reflink", "reflink=1"} & set(fs.features):
        evidence = (
            f"{fs.mount_point} ({fs.kind}) can hold blocks that files share (cp --reflink,"
            " snapshots): they travel once for each file, and are shared again only when all files are"
            " there (files of 64 KiB and more; never on ext4): till then the copy needs more room"
        )
        remedy = (
            f"Compare 'du -sx {fs.mount_point}' with 'df'; choose a larger disk if they differ."
        )
        yield note(ID, TITLE, evidence, remedy)


def _moves(machine: Machine, context: CheckContext) -> Iterator[_Move]:
    by_mount = {fs.mount_point: fs for fs in machine.file_systems}
    root = by_mount.get("/")
    if root is None:
        return
    listed = {d.src_path for d in context.settings.data_disks}
    system = _disk_of(machine, root)
    own = {p for p, fs in by_mount.items() if p in listed or _disk_of(machine, fs) == system}
    for place, fs in by_mount.items():
        if place not in own:
            yield _Move(fs, place, by_mount[_above(place, own | {"/"})])
    like = root if root.kind in _LIKE_ROOT else replace(root, kind="ext4", inode_size=0)
    for place in sorted(listed - by_mount.keys()):
        yield _Move(by_mount[_above(place, set(by_mount))], place, like)


def _disk_of(machine: Machine, fs: FileSystem) -> str:
    for disk in machine.disks:
        if fs.device == disk.device or fs.device in {p.device for p in disk.partitions}:
            return disk.device
    return ""


def _above(place: str, candidates: set[str]) -> str:
    holding = (c for c in candidates if f"{place}/".startswith(f"{c.rstrip('/')}/"))
    return max(holding, key=len)


def _moved(move: _Move) -> Iterator[Finding]:
    source, into = move.source, move.into
    how = f"{move.place} ({source.kind}) is copied into a file system of another making"
    remedy = f"List {move.place} in data_disks: it gets a file system as it has now."
    if _is_plain(move):
        remedy = "Nothing to do when it holds none of these; the pass names every object that does."
    if into.kind in _EXT and into.inode_size == _SMALL_INODE and _has_fine_times(source):
        evidence = (
            f"{how}, ext4 with inodes of 128 bytes: no fractions of a second, no year after 2038;"
            " the copy could not be proved"
        )
        yield blocker(ID, TITLE, evidence, remedy)
    if into.kind != source.kind and into.kind in _LACKS:
        yield warning(ID, TITLE, f"{how}, {into.kind}, which lacks {_LACKS[into.kind]}", remedy)
    if _ends_in_2038(into) and _has_fine_times(source) and not _ends_in_2038(source):
        yield warning(ID, TITLE, f"{how}, XFS without bigtime: no time after 2038", remedy)


def _is_plain(move: _Move) -> bool:
    """A directory of the source, not a file system: listing it is what makes it a disk."""
    return move.place != move.source.mount_point


def _has_fine_times(fs: FileSystem) -> bool:
    return fs.kind not in _EXT or (fs.inode_size or _USUAL_INODE) > _SMALL_INODE


def _ends_in_2038(fs: FileSystem) -> bool:
    return fs.kind == "xfs" and not {"bigtime", "bigtime=1"} & set(fs.features)


CHECK = Check(ID, TITLE, run)
