# SPDX-License-Identifier: Apache-2.0
"""SELinux stays as it is: what was edited or made gets the label that the policy gives it.

Labels travel with the copy; an edited file keeps its own. New files are labelled by the policy's file
contexts, read here: nothing of the guest runs. Where that is not possible the system labels itself
anew at its first boot (``/.autorelabel``), which takes long and ends in another boot.
"""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import shellvars
from hostlift.adapt.formats.filecontexts import FileContexts
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.reading import glob
from hostlift.model.adaptation import EditKind

_CONFIG = "/etc/selinux/config"
_RELABEL = "/.autorelabel"
_XATTR = "security.selinux"
_ACTIVE = {"enforcing", "permissive"}
_PROBES = ("/etc/fstab", "/etc/passwd", "/usr", "/etc")
_WHY = "the label of the policy"


def apply(bench: Bench, edit: Editor) -> None:
    """Label every edited object that has no label."""
    config = bench.text(_CONFIG) or ""
    if (shellvars.get(config, "SELINUX") or "").lower() not in _ACTIVE:
        return
    policy = shellvars.get(config, "SELINUXTYPE") or "targeted"
    contexts = _contexts(bench, f"/etc/selinux/{policy}/contexts/files/file_contexts")
    if contexts is None or not _is_labelled(bench):
        why = "no label of a file can be known from here"
        edit.write(_RELABEL, b"", why)
        bench.note(f"SELinux: {why}; the first boot labels all files and then starts once more")
        return
    for path in _edited(bench):
        if _label_of(bench, path):
            continue
        label = contexts.label(path, bench.tree.stat(path, follow=False).kind)
        if label:
            edit.label(path, _XATTR, label.encode() + b"\0", _WHY)


def _contexts(bench: Bench, base: str) -> FileContexts | None:
    names = (base, f"{base}.homedirs", f"{base}.local")
    texts = [text for name in names if (text := bench.text(name)) is not None]
    aliases = [bench.text(f"{base}.{name}") or "" for name in ("subs", "subs_dist")]
    return FileContexts(texts, aliases) if texts else None


def _is_labelled(bench: Bench) -> bool:
    """False for a copy on a file system that could not keep the labels."""
    there = [path for path in _PROBES if glob(bench.tree, path)]
    return any(_label_of(bench, path) for path in there)


def _label_of(bench: Bench, path: str) -> bytes:
    return dict(bench.tree.attributes(path).xattrs).get(_XATTR, b"")


def _edited(bench: Bench) -> list[str]:
    kinds = {EditKind.CREATED, EditKind.CHANGED, EditKind.LINKED}
    paths = [e.path for e in bench.ledger.edits if e.kind in kinds]
    return [path for path in paths if bench.tree.exists(path)]


STEP = Step("selinux", "Labels of SELinux for what was edited.", apply)
