# SPDX-License-Identifier: Apache-2.0
"""The demo: a live Debian server moves to the embedded cloud, and is compared with its copy."""
