# SPDX-License-Identifier: Apache-2.0
"""``python -m hostlift.agent``: how `hostlift.remote.seed` starts the agent."""

from __future__ import annotations

from hostlift.agent.program import main

main()
