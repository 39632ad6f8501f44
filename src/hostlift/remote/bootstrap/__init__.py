# SPDX-License-Identifier: Apache-2.0
"""From user data to a running agent.

`userdata` makes the script that an instance runs at its first boot. The script leaves a small
program there (`program`, `service`, `depot`), kept running by systemd or by a loop of its own,
that takes the agent's archive from the client and turns into it.
"""

from __future__ import annotations

from hostlift.remote.bootstrap.userdata import user_data

__all__ = ["user_data"]
