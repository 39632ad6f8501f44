# SPDX-License-Identifier: Apache-2.0
"""Docker and Podman: nothing to do, which is worth a word.

A container is a control group, so it is frozen whole like a service (`freezing.writers`); where
there is no freezer its processes are stopped one by one. Pausing it would be the same again. The
hook exists so that a list of hooks may name it, and to keep the reason where one looks for it.
"""

from __future__ import annotations

from hostlift.replicate.hooks.contract import Hook, Site


def running(_site: Site) -> bool:
    """Never something to do."""
    return False


HOOK = Hook(name="docker", check=running)
