# SPDX-License-Identifier: Apache-2.0
"""The nine steps, one file each. They hand over through `flow.results`, never by import."""
