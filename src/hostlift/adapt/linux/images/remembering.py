# SPDX-License-Identifier: Apache-2.0
"""Drivers told to the copy's own maker of images, so that the next one it makes holds them too."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.linux.bench import Bench
from hostlift.adapt.linux.found.initramfs_tools import remembered


def remember_modules(bench: Bench, edit: Editor, modules: list[str], why: str) -> None:
    """Name them in its configuration, where it has one."""
    tool = bench.tools.maker
    if tool is None or not tool.config:
        return
    text = bench.text(tool.config)
    if text is not None or tool.create:
        edit.write_text(tool.config, remembered(tool, text or "", modules), why)
