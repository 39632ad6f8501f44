# SPDX-License-Identifier: Apache-2.0
"""The small program that grows into the agent on the intermediate instance.

`program` becomes the agent when `depot` has an unpacked archive, and lets `service` wait for one
when not. These modules travel inside the user data with `remote.tls`: standard library only, and
their own errors. The agent uses `depot` too, to take a newer archive.
"""
