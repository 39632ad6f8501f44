# SPDX-License-Identifier: Apache-2.0
"""Adapting a Linux copy: `run` is the story, `catalogue` the list of steps."""
