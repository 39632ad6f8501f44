# SPDX-License-Identifier: Apache-2.0
"""crypttab: encrypted volumes are migrated decrypted; a line that asks for one would stop the boot."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.layout import Stacked
from hostlift.adapt.linux.bench import Bench, Step

_PATHS = ("/etc/crypttab", "/etc/crypttab.initramfs")


def apply(bench: Bench, edit: Editor) -> None:
    """Switch off lines whose device does not exist on the target."""
    for path in _PATHS:
        text = bench.text(path)
        if text is not None:
            new = "".join(_adapted(bench, line) for line in text.splitlines(keepends=True))
            edit.write_text(path, new, "encrypted devices that are not here")


def _adapted(bench: Bench, line: str) -> str:
    words = line.split()
    if len(words) < 2 or line.lstrip().startswith("#") or _is_here(bench, words[1]):  # noqa: PLR2004
        return line
    bench.note(f"the encrypted device {words[0]} ({words[1]}) is not on the target: switched off")
    return f"# hostlift, not on the target: {line}"


def _is_here(bench: Bench, device: str) -> bool:
    """Files and random keys (swap) are no devices of the old machine; a known UUID is ours."""
    if device.startswith("UUID="):
        uuid = device.removeprefix("UUID=")
        return bench.layout.knows(device) or bench.layout.has_stacked(Stacked.LUKS, uuid)
    is_file = device.startswith("/") and not device.startswith("/dev/")
    return is_file or bench.layout.knows(device)


STEP = Step("crypttab", "Do not wait for encrypted devices that were not migrated.", apply)
