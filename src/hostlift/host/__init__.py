# SPDX-License-Identifier: Apache-2.0
"""The only code that runs processes, mounts, and opens devices."""
