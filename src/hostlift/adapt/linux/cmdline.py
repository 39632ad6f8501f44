# SPDX-License-Identifier: Apache-2.0
"""The kernel command line a copy needs on ECS."""

from __future__ import annotations

from hostlift.adapt.formats.grubcfg import with_arguments
from hostlift.adapt.layout import Layout, Stacked
from hostlift.adapt.linux.bench import Bench

STABLE_NAMES = ("net.ifnames=0", "biosdevname=0")
SCREEN = "console=tty0"
SERIAL = "console=ttyS0,115200n8"
_NO_RESUME = "noresume"
_RESUME_FILES = ("/etc/initramfs-tools/conf.d/resume",)
# Cards of the old machine by address: dracut would wait for them.
# mkinitcpio's hook: DEVICE:NAME; encrypted devices are plain on the target.
_DECRYPTED = ("cryptdevice",)
_OLD_CARDS = ("ifname=", "BOOTIF=", "bootdev=")
_STACKED = {
    "rd.lvm.lv": Stacked.LOGICAL_VOLUME,
    "rd_LVM_LV": Stacked.LOGICAL_VOLUME,
    "rd.md.uuid": Stacked.ARRAY,
    "rd_MD_UUID": Stacked.ARRAY,
    "rd.luks.uuid": Stacked.LUKS,
    "rd_LUKS_UUID": Stacked.LUKS,
    "rd.luks.name": Stacked.LUKS,
}
_NAMES_OF_DEVICES = ("UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "/dev/", '"UUID=', "block:")


def adapted(bench: Bench, line: str) -> str:
    """A command line with what it lacks and without what leads nowhere."""
    return with_arguments(without_lost(bench.layout, line), wanted(bench, line))


def wanted(bench: Bench, line: str) -> list[str]:
    """Arguments that every command line must have on ECS."""
    more = list(STABLE_NAMES)
    consoles = [w for w in line.split() if w.startswith("console=")]
    if not any(c.startswith("console=ttyS0") for c in consoles):
        # The last console is the one init talks to: the serial one, that the cloud records.
        more += [c for c in (SCREEN,) if c not in consoles] + [SERIAL]
    if _resumes_nowhere(bench):
        more.append(_NO_RESUME)
    return more


def without_lost(layout: Layout, line: str) -> str:
    """The line without devices that do not exist on the target.

    A root that is unknown here gets the name of the new one; areas to resume from, logical volumes,
    arrays, LUKS devices and cards go.
    """
    words = line.split()
    left = [new for word in words if (new := _kept(layout, word))]
    return line if left == words else " ".join(left)


def _kept(layout: Layout, word: str) -> str:
    name, _, value = word.partition("=")
    value = value.strip("\"'")
    if name == "root" and value.startswith(_NAMES_OF_DEVICES) and not layout.knows(value):
        root = layout.root
        return f"root=UUID={root.fs_uuid}" if root is not None and root.fs_uuid else word
    if name == "resume" and not layout.knows(value):
        return ""
    if name in _STACKED and not layout.has_stacked(_STACKED[name], value):
        return ""
    if name in _DECRYPTED and not layout.knows(value.partition(":")[0]):
        return ""
    return "" if word.startswith(_OLD_CARDS) else word


def _resumes_nowhere(bench: Bench) -> bool:
    """True when the initramfs was told of a swap area that is lost: it would wait for it."""
    for path in _RESUME_FILES:
        text = bench.text(path) or ""
        targets = [
            x.partition("=")[2].strip() for x in text.splitlines() if x.startswith("RESUME=")
        ]
        if any(t == "none" or not bench.layout.knows(t) for t in targets if t not in {"", "auto"}):
            return True
    return False
