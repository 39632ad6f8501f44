# SPDX-License-Identifier: Apache-2.0
"""From user data to a running agent.

`userdata` makes the script that an instance runs at its first boot (`install.sh.in`). The script
leaves the program of `hostlift.remote.seed` there, kept running by systemd or by a loop of its
own (`50-agent`), that takes the agent's archive from the client and turns into it.
"""

from __future__ import annotations

from hostlift.remote.bootstrap.userdata import user_data

__all__ = ["user_data"]
