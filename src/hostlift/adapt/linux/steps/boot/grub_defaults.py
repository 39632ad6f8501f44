# SPDX-License-Identifier: Apache-2.0
"""GRUB's settings: what every boot menu written from now on shall contain."""

from __future__ import annotations

from hostlift.adapt.editor import Editor
from hostlift.adapt.formats import shellvars
from hostlift.adapt.linux import cmdline
from hostlift.adapt.linux.bench import Bench, Step

_WHY = "serial console, stable interface names, no search for other systems"
_SETTINGS = {
    "GRUB_TERMINAL": "console serial",
    "GRUB_SERIAL_COMMAND": "serial --speed=115200 --unit=0 --word=8 --parity=no --stop=1",
    "GRUB_DISABLE_OS_PROBER": "true",
}
_ARGUMENTS = "GRUB_CMDLINE_LINUX"
_DEFAULT_ARGUMENTS = "GRUB_CMDLINE_LINUX_DEFAULT"
_MAPS = ("/boot/grub/device.map", "/boot/grub2/device.map", "/etc/grub2/device.map")
_FILE, _FOLDER = "/etc/default/grub", "/etc/default/grub.d"
_BY_DEVICE = ("GRUB_DISABLE_LINUX_UUID", "GRUB_DISABLE_LINUX_PARTUUID", "GRUB_DISABLE_UUID")


def apply(bench: Bench, edit: Editor) -> None:
    """Set what is wanted where it counts: in the file that assigns it last."""
    for path in _MAPS:
        edit.remove(path, "it names disks of the old machine")
    files = _files(bench)
    if not files:
        return
    for name in (_ARGUMENTS, _DEFAULT_ARGUMENTS):
        _put(files, name, cmdline.without_lost(bench.layout, _get(files, name)))
    here, elsewhere = _get(files, _ARGUMENTS), _get(files, _DEFAULT_ARGUMENTS)
    present = f"{here} {elsewhere}"
    new = [w for w in cmdline.wanted(bench, present) if w not in present.split()]
    _put(files, _ARGUMENTS, " ".join([*here.split(), *new]))
    by_device = {name: "false" for name in _BY_DEVICE if _get(files, name) == "true"}
    for name, value in {**_SETTINGS, **by_device}.items():
        _put(files, name, value)
    for path, text in files.items():
        edit.write_text(path, text, _WHY)


def _files(bench: Bench) -> dict[str, str]:
    """The files grub-mkconfig reads, in its order."""
    paths = [_FILE, *bench.glob(f"{_FOLDER}/*.cfg")]
    texts = {path: bench.text(path) for path in paths}
    return {path: text for path, text in texts.items() if text is not None}


def _get(files: dict[str, str], name: str) -> str:
    values = [shellvars.get(text, name) for text in files.values()]
    return next((v for v in reversed(values) if v is not None), "")


def _put(files: dict[str, str], name: str, value: str) -> None:
    assigning = [p for p, text in files.items() if shellvars.is_assigned(text, name)]
    if not assigning and not value:
        return
    path = assigning[-1] if assigning else next(iter(files))
    if shellvars.get(files[path], name) != value:
        files[path] = shellvars.put(files[path], name, value)


STEP = Step("grub-defaults", "Boot menus with a serial console and stable interface names.", apply)
