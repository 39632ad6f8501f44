# SPDX-License-Identifier: Apache-2.0
"""What only a live source tells: processes, listeners, addresses, hypervisor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.commands import ScriptedCommands
from fakes.sysfs import FakeKernel

from hostlift.inspect import network, system, workloads
from hostlift.inspect.guest import Guest
from hostlift.inspect.mounts import Mount, below, parse
from hostlift.inspect.tools import Tools


def test_only_ports_that_others_reach_are_listening(tmp_path: Path) -> None:
    """Loopback listeners and connections are left out; IPv6 counts."""
    kernel = FakeKernel(tmp_path)
    tcp = (
        "  sl  local_address rem_address   st\n"
        "   0: 00000000:0050 00000000:0000 0A 0\n"
        "   1: 0100007F:1538 00000000:0000 0A 0\n"
        "   2: 0A6433C6:0016 0B6433C6:D431 01 0\n"
    )
    tcp6 = (
        "  sl  local_address rem_address   st\n"
        "   0: 00000000000000000000000000000000:0016 0:0 0A 0\n"
        "   1: 00000000000000000000000001000000:1F90 0:0 0A 0\n"
        "   2: 0000000000000000FFFF00000100007F:1F91 0:0 0A 0\n"
    )
    kernel.put("proc/net/tcp", tcp)
    kernel.put("proc/net/tcp6", tcp6)
    assert network.listening(tmp_path / "proc") == (22, 80)


def test_interfaces_have_their_global_addresses(tmp_path: Path) -> None:
    """Link-local addresses and the loopback say nothing of the server."""
    kernel = FakeKernel(tmp_path)
    kernel.put("sys/class/net/ens3/address", "52:54:00:00:00:01\n")
    kernel.put("sys/class/net/lo/address", "00:00:00:00:00:00\n")
    info = [
        {"local": "198.51.100.7", "prefixlen": 24, "scope": "global"},
        {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
    ]
    answer = json.dumps([{"ifname": "ens3", "addr_info": info}])
    tools = Tools(ScriptedCommands({"ip -j address": answer}), FakeClock(0), 100)
    (interface,) = network.interfaces(tmp_path / "sys", tools)
    assert interface.mac == "52:54:00:00:00:01"
    assert interface.addresses == ("198.51.100.7/24",)


def test_a_database_is_found_by_its_files_and_its_process(tmp_path: Path) -> None:
    """Two clusters are two workloads, each with its own processes."""
    kernel = FakeKernel(tmp_path)
    for cluster in ("13/main", "15/main"):
        base = f"root/var/lib/postgresql/{cluster}"
        kernel.put(f"{base}/PG_VERSION", cluster[:2] + "\n")
        kernel.put(f"{base}/global/pg_control", "")
    kernel.process(10, "postgres", "/var/lib/postgresql/15/main")
    kernel.process(11, "bash", "/root")
    running = workloads.processes(tmp_path / "proc")
    found = workloads.detect(Guest(tmp_path / "root"), running)
    assert [(w.name, w.data_dir, w.pids, w.hook) for w in found] == [
        ("postgresql 13", "/var/lib/postgresql/13/main", (), "postgresql"),
        ("postgresql 15", "/var/lib/postgresql/15/main", (10,), "postgresql"),
    ]


def test_a_database_in_an_unusual_place_is_found_by_its_working_directory(tmp_path: Path) -> None:
    """Servers work in their data directory."""
    kernel = FakeKernel(tmp_path)
    kernel.put("root/data/my/ibdata1", "")
    kernel.process(20, "mariadbd", "/data/my")
    found = workloads.detect(Guest(tmp_path / "root"), workloads.processes(tmp_path / "proc"))
    assert [(w.kind, w.data_dir, w.pids) for w in found] == [("mysql", "/data/my", (20,))]


def test_a_running_server_without_known_files_counts_too(tmp_path: Path) -> None:
    """Redis before its first dump."""
    kernel = FakeKernel(tmp_path)
    (tmp_path / "root").mkdir()
    kernel.process(30, "redis-server", "/var/lib/redis")
    found = workloads.detect(Guest(tmp_path / "root"), workloads.processes(tmp_path / "proc"))
    assert [(w.kind, w.data_dir, w.pids) for w in found] == [("redis", "", (30,))]


@pytest.mark.parametrize(
    ("enforce", "config", "state"),
    [
        ("1", "", "enforcing"),
        ("0", "SELINUX=enforcing\n", "permissive"),
        (None, "# SELINUX=x\nSELINUX=enforcing\n", "disabled"),
        (None, "", "absent"),
    ],
)
def test_the_running_selinux_counts(
    tmp_path: Path, enforce: str | None, config: str, state: str
) -> None:
    """The configuration is only a wish for the next boot."""
    kernel = FakeKernel(tmp_path)
    kernel.put("root/etc/selinux/config", config)
    if enforce is not None:
        kernel.put("sys/fs/selinux/enforce", enforce)
    assert system.selinux(Guest(tmp_path / "root"), tmp_path / "sys", live=True) == state


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("sys/class/dmi/id/sys_vendor", "VMware, Inc.\n", "vmware"),
        ("sys/class/dmi/id/sys_vendor", "QEMU\n", "qemu"),
        ("sys/class/dmi/id/product_name", "VirtualBox\n", "virtualbox"),
        ("sys/hypervisor/type", "xen\n", "xen"),
        ("proc/1/environ", "PATH=/bin\0container=lxc\0", "lxc"),
        ("sys/class/dmi/id/sys_vendor", "Dell Inc.\n", ""),
    ],
)
def test_the_hypervisor_is_named(tmp_path: Path, file: str, text: str, word: str) -> None:
    """By DMI, by Xen's own file, by the container's environment."""
    FakeKernel(tmp_path).put(file, text)
    assert system.virtualization(tmp_path / "sys", tmp_path / "proc") == word


def test_old_systems_without_os_release_are_known(tmp_path: Path) -> None:
    """CentOS 6 has none."""
    FakeKernel(tmp_path).put("root/etc/redhat-release", "CentOS release 6.10 (Final)\n")
    release = system.os_release(Guest(tmp_path / "root"))
    assert (release["ID"], release["VERSION_ID"]) == ("centos", "6.10")


def test_the_architecture_comes_from_a_program_of_the_source(tmp_path: Path) -> None:
    """A rescue system may be another one than what it looks at; garbage is no answer."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\x00" + bytes(40))
    assert system.architecture(Guest(tmp_path)) == "aarch64"
    (tmp_path / "bin/sh").write_bytes(b"\x7fELF")
    assert system.architecture(Guest(tmp_path)) == ""


def test_a_btrfs_mount_shows_each_subvolume_once() -> None:
    """They share one anonymous device number per subvolume."""
    text = (
        "1 0 0:33 /@ / rw - btrfs /dev/sda2 rw,subvol=/@\n"
        "2 1 0:34 /@home /home rw - btrfs /dev/sda2 rw,subvol=/@home\n"
        "broken line\n"
    )
    found = below(parse(text), "/")
    assert list(found) == ["/", "/home"]
    assert "subvol=/@home" in found["/home"].options


def test_network_and_memory_file_systems_are_not_local() -> None:
    """They never belong to the copy."""
    kinds = (("nfs4", "nas:/x"), ("tmpfs", "tmpfs"), ("fuse.sshfs", "a:b"), ("overlay", "overlay"))
    for kind, source in kinds:
        mount = Mount(
            dev="0:9", inner="/", mount_point="/x", kind=kind, source=source, options=("rw",)
        )
        assert not mount.is_local
