# SPDX-License-Identifier: Apache-2.0
"""cloud-init, where it is installed: ask ECS, and leave the migrated system as it was."""

from __future__ import annotations

import re

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

# After 90_dpkg.cfg, 99-installer.cfg and the other clouds' files: the last one wins.
_OURS = "/etc/cloud/cloud.cfg.d/zz-hostlift.cfg"
_DISABLED = "/etc/cloud/cloud-init.disabled"
_IDENTIFY = "/etc/cloud/ds-identify.cfg"
_PINNED = re.compile(r"(?m)^(?P<head>[ \t]*datasource:[ \t]*)(?!AliYun)\S.*$")
# With it cloud-init would go on believing in the old cloud.
_MANUAL = "/var/lib/cloud/instance/manual-clean"


def apply(bench: Bench, edit: Editor) -> None:
    """Set the data source; keep logins, host name, host keys and network."""
    if not bench.tree.exists("/etc/cloud/cloud.cfg"):
        return
    if bench.tree.exists(_DISABLED):
        bench.note("cloud-init is switched off on this system and stays so")
        return
    edit.write(
        _OURS, template("cloud-init.cfg"), "the data source of ECS; a migration is no new host"
    )
    text = bench.text(_IDENTIFY)
    if text is not None:
        edit.write_text(_IDENTIFY, _PINNED.sub(r"\g<head>AliYun", text), "the cloud is ECS")
    edit.remove(_MANUAL, "what the old cloud said must not be believed for ever")


STEP = Step("cloud-init", "Point cloud-init at ECS and keep it from resetting the system.", apply)
