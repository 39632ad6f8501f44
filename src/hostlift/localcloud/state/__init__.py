# SPDX-License-Identifier: Apache-2.0
"""The account: typed records in one SQLite file; survives down, up and SIGKILL."""
