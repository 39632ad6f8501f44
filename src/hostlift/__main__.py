# SPDX-License-Identifier: Apache-2.0
"""``python -m hostlift``."""

from hostlift.cli.main import main

main()
