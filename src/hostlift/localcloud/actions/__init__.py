# SPDX-License-Identifier: Apache-2.0
"""One function per API action, grouped by resource; `registry.ACTIONS` has them all.

Each module declares its requests (see `wire.parameters`) next to the functions that answer them.
An action only looks and writes records; slow work is queued with ``context.later``.
"""
