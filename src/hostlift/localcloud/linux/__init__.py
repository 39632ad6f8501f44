# SPDX-License-Identifier: Apache-2.0
"""Kernel services that compute and fabric both stand on: namespaces, taps, loop devices, processes.

Nothing here knows what an instance or a private network is.
"""
