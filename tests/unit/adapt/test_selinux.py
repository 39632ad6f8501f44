# SPDX-License-Identifier: Apache-2.0
"""Labels of SELinux: which one a path gets, and that edited objects get it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.commands import ScriptedCommands
from fakes.layouts import a_bench
from fakes.tree import MemoryTree

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats.filecontexts import FileContexts
from hostlift.adapt.linux.steps.identity.selinux import STEP

CONTEXTS = """\
# comment
/.*\tsystem_u:object_r:default_t:s0
/etc(/.*)?\tsystem_u:object_r:etc_t:s0
/etc/systemd/system(/.*)?\tsystem_u:object_r:systemd_unit_file_t:s0
/etc/rc\\.d/init\\.d/.*\t--\tsystem_u:object_r:initrc_exec_t:s0
/etc/fstab\\.d?/x\tsystem_u:object_r:odd_t:s0
/etc/resolv\\.conf.*\t--\tsystem_u:object_r:net_conf_t:s0
/etc/fstab\t--\tsystem_u:object_r:fstab_t:s0
/usr/lib/x(/.*)?\t<<none>>
/usr/bin/(?<bad\tsystem_u:object_r:bad_t:s0
"""
LOCAL = "/etc/mine\tsystem_u:object_r:mine_t:s0\n"


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/etc/hosts", "file", "etc_t"),
        ("/etc", "dir", "etc_t"),
        ("/etcetera", "file", "default_t"),
        ("/etc/systemd/system/a.service", "link", "systemd_unit_file_t"),
        ("/etc/rc.d/init.d/net", "file", "initrc_exec_t"),
        ("/etc/rc.d/init.d/net", "link", "etc_t"),
        ("/etc/fstab", "file", "fstab_t"),
        ("/etc/fstab", "link", "etc_t"),
        ("/etc/fstab./x", "file", "odd_t"),
        ("/etc/mine", "file", "mine_t"),
        ("/usr/lib/x/y", "file", ""),
        ("/lib/x/y", "file", ""),
        ("/usr/bin/bad", "file", "default_t"),
    ],
)
def test_the_last_entry_that_fits_wins_and_exact_ones_come_last(
    path: str, kind: str, expected: str
) -> None:
    """Kinds, aliases and ``<<none>>`` count; an entry of another dialect of patterns does not."""
    contexts = FileContexts([CONTEXTS, LOCAL], ["/lib /usr/lib\n"])
    label = contexts.label(path, kind)
    assert label == (f"system_u:object_r:{expected}:s0" if expected else "")


def test_what_was_made_is_labelled_and_what_was_edited_keeps_its_label(tmp_path: Path) -> None:
    """Nothing is relabelled at boot; undo takes the label with the file."""
    base = "/etc/selinux/targeted/contexts/files/file_contexts"
    files = {
        "/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
        base: CONTEXTS,
        "/etc/fstab": "x",
    }
    tree = MemoryTree(files)
    own = (("security.selinux", b"own:label\0"),)
    tree.set_attributes("/etc/fstab", replace(tree.attributes("/etc/fstab"), xattrs=own))
    before = tree.everything()
    bench = a_bench(tree, tmp_path, ScriptedCommands())
    other = Editor(tree, bench.ledger, "other")
    other.write("/etc/fstab", b"y", "why")
    other.link("/etc/systemd/system/a.service", "/dev/null", "why")
    STEP.apply(bench, Editor(tree, bench.ledger, STEP.name))
    assert tree.attributes("/etc/fstab").xattrs == own
    made = dict(tree.attributes("/etc/systemd/system/a.service").xattrs)
    assert made == {"security.selinux": b"system_u:object_r:systemd_unit_file_t:s0\0"}
    assert not tree.exists("/.autorelabel")
    bench.ledger.undo(tree)
    assert tree.everything() == before
