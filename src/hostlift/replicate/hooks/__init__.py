# SPDX-License-Identifier: Apache-2.0
"""Freeze hooks: what a service wants done before its processes are held still.

A built-in hook is a module with a `contract.Hook`, and a line here; the user's own are programs in
a folder (`folder`). `rounds` calls both in their order.
"""

from __future__ import annotations

from hostlift.replicate.hooks import docker, mongodb, mysql, postgresql, redis

BUILT_IN = {
    hook.name: hook for hook in (docker.HOOK, mongodb.HOOK, mysql.HOOK, postgresql.HOOK, redis.HOOK)
}
