# SPDX-License-Identifier: Apache-2.0
"""Clouds that hostlift can move a server to, each a folder; `registry` is the only door."""
