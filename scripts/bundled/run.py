# SPDX-License-Identifier: Apache-2.0
"""Runs one of hostlift's programs from the folder this file is in."""

import sys
from importlib import import_module
from pathlib import Path

PROGRAMS = {
    "hostlift": "hostlift.cli.main",
    "go2aliyun_client": "hostlift.cli.go2aliyun",
    "client_check": "hostlift.cli.client_check",
}

sys.path.insert(0, str(Path(__file__).resolve().parent))
name = sys.argv[1]
sys.argv = [name, *sys.argv[2:]]
import_module(PROGRAMS[name]).main()
