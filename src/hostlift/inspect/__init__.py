# SPDX-License-Identifier: Apache-2.0
"""Step 1: a read-only survey of the source, and checks that turn it into findings."""
