# SPDX-License-Identifier: Apache-2.0
"""Jobs for people, and the wiring of concrete parts. Front doors call `jobs` and nothing below."""
