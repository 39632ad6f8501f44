# SPDX-License-Identifier: Apache-2.0
"""Talking to the agent on the intermediate instance: control on 8080, data on 8703.

`messages` is the whole control API; the agent serves it, `client` calls it.
"""
