# SPDX-License-Identifier: Apache-2.0
"""Which kernel starts by default, by the configuration of every boot loader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostlift.formats.menus import Installed, default_release, grub2
from hostlift.formats.menus.files import newest

OLD, NEW = "5.10.0-8-amd64", "5.10.0-28-amd64"
KERNELS = [Installed(r, (f"/boot/vmlinuz-{r}", "")) for r in (NEW, OLD)]


class Texts:
    """Files from a table."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def text(self, path: str, /) -> str | None:
        return self.files.get(path)

    def names(self, folder: str, /) -> list[str]:
        below = [p.removeprefix(f"{folder}/") for p in self.files if p.startswith(f"{folder}/")]
        return sorted({p.partition("/")[0] for p in below})


def grub_cfg(default: str) -> str:
    """As grub-mkconfig writes it for two kernels."""
    return f"""
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="{default}"
fi
function savedefault {{
  if [ -z "${{boot_once}}" ]; then
    saved_entry="${{chosen}}"
  fi
}}
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {{
\tinsmod ext2
\techo 'Loading {{'
\tlinux\t/vmlinuz-{NEW} root=UUID=1 ro quiet
\tinitrd\t/initrd.img-{NEW}
}}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {{
\tmenuentry 'Linux {NEW}' $menuentry_id_option 'gnulinux-{NEW}-advanced-1' {{
\t\tlinux\t/vmlinuz-{NEW} root=UUID=1
\t}}
\tmenuentry "Linux {OLD}" $menuentry_id_option 'gnulinux-{OLD}-advanced-1' {{
\t\tlinux\t($root)/vmlinuz-{OLD} root=UUID=1
\t}}
}}
menuentry 'Memory test' {{
\tlinux16 /memtest86+.bin
}}
"""


def environment(**values: str) -> str:
    return "# GRUB Environment Block\n" + "".join(f"{k}={v}\n" for k, v in values.items()) + "###"


@pytest.mark.parametrize(
    ("default", "env", "release"),
    [
        ("0", "", NEW),
        ("1>1", "", OLD),
        ("1", "", NEW),
        (f"gnulinux-advanced-1>gnulinux-{OLD}-advanced-1", "", OLD),
        (f"Advanced options>Linux {OLD}", "", OLD),
        ("no such entry", "", NEW),
        ("9", "", NEW),
        ("${saved_entry}", "", NEW),
        ("${saved_entry}", environment(saved_entry="1>1"), OLD),
        ("${saved_entry}", environment(saved_entry=f"Advanced options>Linux {OLD}"), OLD),
        ("0", environment(next_entry="1>1"), OLD),
        ("$(which knows)", "", NEW),
        ("2", "", NEW),
    ],
)
def test_grub_starts_what_its_configuration_and_environment_say(
    default: str, env: str, release: str
) -> None:
    """Indexes, titles, ids and paths of them; what names no kernel of ours means the newest."""
    files = {"/boot/grub/grub.cfg": grub_cfg(default), "/boot/grub/grubenv": env}
    assert default_release(Texts(files), "grub2", KERNELS) == release


def test_an_odd_menu_tells_more_than_the_newest_kernel_would() -> None:
    """The first entry is an older kernel."""
    text = f"set default=0\nmenuentry x {{\n linux /boot/vmlinuz-{OLD} root=/dev/sda1\n}}\n"
    files = Texts({"/boot/grub2/grub.cfg": text})
    assert default_release(files, "grub2", KERNELS) == OLD
    assert default_release(files, "unknown", KERNELS) == NEW
    assert default_release(files, "grub2", []) == ""


def bls(release: str, **more: str) -> str:
    fields = {"title": f"Rocky ({release})", "version": release, "linux": f"/vmlinuz-{release}"}
    return "".join(f"{k.replace('_', '-')} {v}\n" for k, v in {**fields, **more}.items())


EL9 = {
    "/boot/grub2/grub.cfg": 'set default="${saved_entry}"\ninsmod blscfg\nblscfg\n',
    f"/boot/loader/entries/0af3-{OLD}.conf": bls(OLD),
    f"/boot/loader/entries/0af3-{NEW}.conf": bls(NEW),
    "/boot/loader/entries/0af3-0-rescue.conf": bls("0-rescue-0af3"),
}


@pytest.mark.parametrize(
    ("saved", "release"),
    [
        (f"0af3-{OLD}", OLD),
        (f"0af3-{NEW}", NEW),
        (f"Rocky ({OLD})", OLD),
        ("1", OLD),
        ("0", NEW),
        ("", NEW),
        ("0af3-gone", NEW),
    ],
)
def test_grub_with_entries_starts_the_saved_one(saved: str, release: str) -> None:
    """Ids, titles and places in the order of versions; the rescue image comes last."""
    files = {**EL9, "/boot/grub2/grubenv": environment(saved_entry=saved)}
    assert default_release(Texts(files), "grub2", KERNELS) == release


def test_the_menu_of_the_efi_partition_counts_where_the_other_is_missing() -> None:
    """EL7 and EL8 keep menu and environment there."""
    folder = "/boot/efi/EFI/centos"
    files = Texts(
        {
            f"{folder}/grub.cfg": grub_cfg("${saved_entry}"),
            f"{folder}/grubenv": environment(saved_entry="1>1"),
        }
    )
    assert default_release(files, "grub2", KERNELS) == OLD


MENU_LST = f"""
# default 0
default {{}}
timeout 5
title Debian {NEW}
root (hd0,0)
kernel /vmlinuz-{NEW} root=/dev/sda1 ro
initrd /initrd.img-{NEW}

title Xen
kernel /xen.gz dom0_mem=1g
module (hd0,0)/vmlinuz-{OLD} root=/dev/sda1
module /initrd.img-{OLD}
"""


@pytest.mark.parametrize(
    ("default", "saved", "release"),
    [
        ("0", "", NEW),
        ("1", "", OLD),
        ("saved", "1\n#\n#\n", OLD),
        ("saved", "", NEW),
        ("7", "", NEW),
    ],
)
def test_grub_legacy_counts_its_titles(default: str, saved: str, release: str) -> None:
    """Of a hypervisor the module is the kernel."""
    files = {"/boot/grub/menu.lst": MENU_LST.format(default), "/boot/grub/default": saved}
    assert default_release(Texts(files), "grub-legacy", KERNELS) == release


@pytest.mark.parametrize(
    ("head", "mark", "release"),
    [
        ("DEFAULT old", "", OLD),
        ("DEFAULT new", "", NEW),
        ("", "", OLD),
        ("DEFAULT menu.c32", "MENU DEFAULT", NEW),
        ("DEFAULT old\nONTIMEOUT new", "", NEW),
    ],
)
def test_extlinux_starts_a_label(head: str, mark: str, release: str) -> None:
    """By name, by mark, or the first."""
    text = f"{head}\nPROMPT 1\nLABEL old\n  KERNEL vmlinuz-{OLD}\n  APPEND root=x\n"
    text += f"label new\n  {mark}\n  linux /boot/vmlinuz-{NEW}\n"
    assert default_release(Texts({"/boot/extlinux.conf": text}), "extlinux", KERNELS) == release


@pytest.mark.parametrize(
    ("wanted", "release"),
    [("", NEW), (f"*{OLD}", OLD), (f"0af3-{OLD}.conf", OLD), ("@saved", NEW), ("gone*", NEW)],
)
def test_systemd_boot_takes_the_first_that_matches(wanted: str, release: str) -> None:
    """The folder tells the release; a counter of boots is no part of an id."""
    kernels = [Installed(r, (f"/efi/0af3/{r}/linux",)) for r in (OLD, NEW)]
    files = {
        "/efi/loader/loader.conf": f"timeout 3\ndefault {wanted}\n",
        f"/efi/loader/entries/0af3-{OLD}+3-0.conf": bls(OLD, linux=f"/0af3/{OLD}/linux"),
        f"/efi/loader/entries/0af3-{NEW}.conf": bls(NEW, linux=f"/0af3/{NEW}/linux"),
    }
    assert default_release(Texts(files), "systemd-boot", kernels) == release


def test_versions_are_in_the_order_of_their_numbers() -> None:
    """What a plain comparison of texts gets wrong, and what is before a release."""
    ordered = ["0-rescue-0af3", "4.18.0-80.el8", "4.18.0-80.1.el8", OLD, NEW, "6.1-rc1", "6.1"]
    assert sorted({*ordered}, key=newest) == ordered


@given(st.text(max_size=300))
def test_no_menu_breaks_the_reader(text: str) -> None:
    """A menu is an administrator's text: any of it gives an answer."""
    everywhere = ("grub2/grub.cfg", "grub/grub.cfg", "grub/menu.lst", "extlinux.conf")
    files = {f"/boot/{name}": f"menuentry {text}" for name in everywhere}
    files |= {"/boot/loader/loader.conf": text, "/boot/loader/entries/x.conf": text}
    for loader in ("grub2", "grub-legacy", "extlinux", "systemd-boot"):
        assert default_release(Texts(files), loader, KERNELS) in {OLD, NEW}
    assert isinstance(grub2.parse(text), list)
