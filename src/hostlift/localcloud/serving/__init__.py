# SPDX-License-Identifier: Apache-2.0
"""The process that serves a cloud.

server      sockets and HTTP
admin       what the owner of the cloud may ask of it while it runs
foreground  one cloud from start to signal
"""
