# SPDX-License-Identifier: Apache-2.0
"""cloud-init, where it is installed: ask ECS, and leave the migrated system as it was."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench, Step
from hostlift.adapt.linux.templates import template

# After 90_dpkg.cfg and the other clouds' files: the last one wins.
_OURS = "/etc/cloud/cloud.cfg.d/99-hostlift.cfg"
_DISABLED = "/etc/cloud/cloud-init.disabled"


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


STEP = Step("cloud-init", "Point cloud-init at ECS and keep it from resetting the system.", apply)
