# SPDX-License-Identifier: Apache-2.0
"""Virtual machines on the real fabric, with a guest of one sector that answers the power button."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute import kvm
from hostlift.localcloud.compute.base import Admission, DiskRef, MachineSpec, Metadata, Nic, Power
from hostlift.localcloud.compute.qcow import GIB, read_header
from hostlift.localcloud.compute.qemu import QemuCompute
from hostlift.localcloud.fabric.internet import internet_host
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.localcloud.images import stock
from hostlift.localcloud.linux.processes import Mark

pytestmark = pytest.mark.root

NIC = Nic(
    vpc="vpc-q",
    vswitch="vsw-q",
    mac="00:16:3e:00:02:01",
    private_ip="10.0.0.9",
    prefix=24,
    gateway="10.0.0.253",
    public_ip="203.0.113.9",
)
USER_DATA = b"""#!/bin/sh
echo the-disk $(readlink -f /dev/disk/by-id/virtio-bp1dataserial12345xx) > /dev/ttyS0
exec python3 -m http.server 8080
"""


def spec(*disks: str, firmware: str = "bios") -> MachineSpec:
    serials = ("bp1systemserial12345", "bp1dataserial12345xx")
    return MachineSpec(
        id="i-vm",
        hostname="vm",
        cpus=2,
        memory_mib=1024,
        firmware=firmware,
        disks=tuple(
            DiskRef(id=d, serial=s, size_gib=1) for d, s in zip(disks, serials, strict=False)
        ),
        nic=NIC,
        user_data=USER_DATA,
    )


def tiny_guest() -> bytes:
    """Says hi on the serial port, writes a sector to disk 1, and waits for the power button."""
    code = b"\xba\xf8\x03" + b"".join(bytes([0xB0, c, 0xEE]) for c in b"hi\n")  # out 0x3f8
    code += b"\xba\x02\x06\xb8\x00\x01\xef"  # enable the power button event
    code += b"\xba\x00\x06\xed\xf6\xc4\x01\x74\xfa"  # poll its status
    code += b"\xba\x04\x06\xb8\x00\x20\xef"  # ACPI sleep state 5
    return (code + b"\xf4\xeb\xfd").ljust(510, b"\0") + b"\x55\xaa"


COMES_AND_GOES = b"""#!/bin/sh
exec > /dev/ttyS0
link=/dev/disk/by-id/virtio-bp1dataserial12345xx
echo waiting
until test -b $link; do sleep 0.2; done
echo precious > $link
sync
echo it is here
while test -b $link; do sleep 0.2; done
echo it is gone
"""


class Cloud:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answer = USER_DATA
        self.fabric = NamespaceFabric(folder, "vm")
        self.compute = QemuCompute(folder, self.fabric)

    def up(self) -> None:
        self.fabric.up(0, lambda *_: Metadata(items={"instance-id": "i-vm"}, user_data=self.answer))
        self.fabric.ensure_vpc(NIC.vpc, "10.0.0.0/8")
        self.fabric.ensure_vswitch(NIC.vpc, NIC.vswitch, "10.0.0.0/24", NIC.gateway)
        self.fabric.plug("i-vm", NIC)

    def down(self) -> None:
        self.compute.close()
        self.fabric.down()


@pytest.fixture(scope="module")
def kvm_answer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Asked once for all tests."""
    folder = tmp_path_factory.mktemp("kvm")
    kvm.usable(folder)
    return (folder / "kvm").read_text() if (folder / "kvm").exists() else ""


@pytest.fixture
def cloud(tmp_path: Path, kvm_answer: str) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    (tmp_path / "kvm").write_text(kvm_answer)
    (tmp_path / "tiny.raw").write_bytes(tiny_guest().ljust(1 << 20, b"\0"))
    (tmp_path / "snapshots").mkdir()
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(tmp_path / "tiny.raw")]
    SystemCommands().run([*convert, str(tmp_path / "snapshots/s-tiny.qcow2")], timeout=30)
    try:
        made.up()
        made.compute.create_disk("d-sys", 1, source="s-tiny")
        yield made
    finally:
        made.down()


def eventually(what: Callable[[], object], seconds: float = 20) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if what():
            return
        pause.wait(0.05)
    raise AssertionError("it never came true")


def speaks(cloud: Cloud, times: int = 1) -> None:
    eventually(lambda: cloud.compute.console("i-vm").count(b"hi\n") == times)


def is_off(cloud: Cloud) -> bool:
    return cloud.compute.power("i-vm") is Power.OFF


def test_a_machine_starts_by_firmware_and_obeys_the_power_button(cloud: Cloud) -> None:
    """On, console, off by request, on again with the console going on, off by force, gone."""
    assert is_off(cloud)
    cloud.compute.start(spec("d-sys"))
    cloud.compute.start(spec("d-sys"))
    speaks(cloud)
    cloud.compute.stop("i-vm", force=False)
    cloud.compute.stop("i-vm", force=False)
    eventually(lambda: is_off(cloud))
    cloud.compute.start(spec("d-sys"))
    speaks(cloud, 2)
    cloud.compute.stop("i-vm", force=True)
    assert is_off(cloud)
    cloud.compute.delete("i-vm")
    cloud.compute.delete("i-vm")
    assert cloud.compute.console("i-vm") == b""


def test_a_request_that_is_lost_is_repeated(cloud: Cloud) -> None:
    """Asked before the guest listens, the machine goes off all the same."""
    cloud.compute.start(spec("d-sys"))
    cloud.compute.stop("i-vm", force=False)
    eventually(lambda: is_off(cloud))


def test_a_machine_outlives_the_daemon_and_is_judged_right(cloud: Cloud, tmp_path: Path) -> None:
    """A second object over the same folder sees it on and can end it; a killed one is off."""
    cloud.compute.start(spec("d-sys"))
    again = QemuCompute(tmp_path, cloud.fabric)
    assert again.power("i-vm") is Power.ON
    again.stop("i-vm", force=True)
    assert is_off(cloud)
    again.start(spec("d-sys"))
    mark = Mark.load(tmp_path / "instances/i-vm/process.json")
    assert mark is not None
    os.kill(mark.pid, signal.SIGKILL)
    eventually(lambda: is_off(cloud))


def test_snapshots_hold_what_the_disk_held(cloud: Cloud, tmp_path: Path) -> None:
    """Of a stopped and of a running machine; a disk outlives the snapshot it was made from."""
    compute = cloud.compute
    compute.create_disk("d-data", 1)
    assert not compute.disk_used("d-data")
    write(tmp_path / "disks/d-data.qcow2", "0xab")
    assert compute.disk_used("d-data")
    compute.snapshot("d-data", "s-off")
    compute.start(spec("d-sys", "d-data"))
    assert not compute.disk_used("d-sys")
    compute.snapshot("d-data", "s-running")
    compute.snapshot("d-data", "s-running")
    compute.snapshot("d-sys", "s-sys")
    compute.close()
    for source in ("s-off", "s-running"):
        compute.create_disk(f"d-{source}", 2, source=source)
        assert not compute.disk_used(f"d-{source}")
        compute.delete_snapshot(source)
        compute.delete_snapshot(source)
        assert first_byte(compute, tmp_path, f"d-{source}") == 0xAB
        with pytest.raises(HostError, match="no such snapshot"):
            compute.create_disk("d-late", 2, source=source)
        compute.delete_disk(f"d-{source}")
    compute.create_disk("d-clone", 1, source="s-sys")
    cloud.compute.start(spec("d-clone"))
    speaks(cloud, 2)
    assert sorted(p.name for p in (tmp_path / "snapshots").iterdir()) == [
        "s-sys.qcow2",
        "s-tiny.qcow2",
    ]


def test_a_disk_grows_and_a_snapshot_is_copied(cloud: Cloud, tmp_path: Path) -> None:
    """Under a running machine and of a stopped one; the copy holds the bytes by itself."""
    compute = cloud.compute
    compute.create_disk("d-data", 1)
    write(tmp_path / "disks/d-data.qcow2", "0xab")
    compute.snapshot("d-data", "s-1")
    compute.copy_snapshot("s-1", "s-copy")
    compute.copy_snapshot("s-1", "s-copy")
    compute.delete_snapshot("s-1")
    compute.start(spec("d-sys", "d-data"))
    compute.resize_disk("d-data", 2)
    compute.close()
    compute.resize_disk("d-data", 3)
    compute.resize_disk("d-data", 2)
    assert read_header(tmp_path / "disks/d-data.qcow2").size == 3 * GIB
    compute.create_disk("d-new", 1, source="s-copy")
    assert first_byte(compute, tmp_path, "d-new") == 0xAB


def test_a_disk_smaller_than_its_source_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    """One clear error, no half-made file."""
    cloud.compute.create_disk("d-big", 3)
    cloud.compute.snapshot("d-big", "s-big")
    with pytest.raises(HostError, match="smaller than its source"):
        cloud.compute.create_disk("d-small", 2, source="s-big")
    assert not list((tmp_path / "disks").glob("d-small*"))


def test_a_machine_that_cannot_start_says_why(cloud: Cloud, tmp_path: Path) -> None:
    """QEMU's own words, and the machine is off."""
    (tmp_path / "disks/d-bad.qcow2").write_bytes(b"QFI\xfb" + bytes(500))
    with pytest.raises(HostError, match=r"QEMU does not start: .*version"):
        cloud.compute.start(spec("d-sys", "d-bad"))
    assert is_off(cloud)


def test_the_probe_sees_a_working_accelerator(tmp_path: Path) -> None:
    """Its guest leaves with the expected status when translated; a device nobody may open is no."""
    assert kvm.leaves(tmp_path, accelerator="tcg", cpu="Westmere", limit=20)
    assert not kvm.leaves(tmp_path, accelerator="tcg", cpu="Westmere", limit=0.001)
    assert not kvm.usable(tmp_path, device=tmp_path / "none")


@pytest.fixture
def stock_image() -> stock.StockImage:
    """The public image; only its absence is a reason to skip."""
    try:
        return stock.image()
    except HostError as error:
        pytest.skip(str(error))


@pytest.mark.vm
def test_the_stock_image_runs_user_data_and_sees_its_disks(
    cloud: Cloud, stock_image: stock.StockImage
) -> None:
    """Direct boot, DHCP, metadata, user data, by-id links, a public address, the disks used."""
    cloud.compute.create_disk("d-stock", 20, source=stock_image.id)
    cloud.compute.create_disk("d-data", 1)
    cloud.fabric.admit(NIC, (Admission("tcp", 8080, 8080, "198.51.100.10/32"),))
    cloud.compute.start(spec("d-stock", "d-data"))
    with internet_host(cloud.fabric, "client", "198.51.100.10") as client:
        argv = ["ip", "netns", "exec", client, "curl", "-sS", "--max-time", "2"]
        argv.append(f"http://{NIC.public_ip}:8080/")
        run = SystemCommands().run
        eventually(lambda: run(argv, timeout=10, check=False).status == 0, 240)
    assert b"the-disk /dev/vd" in cloud.compute.console("i-vm")
    cloud.compute.stop("i-vm", force=True)
    assert is_off(cloud)
    assert cloud.compute.disk_used("d-stock")
    assert not cloud.compute.disk_used("d-data")


@pytest.mark.vm
def test_the_stock_image_obeys_the_power_button(
    cloud: Cloud, stock_image: stock.StockImage
) -> None:
    """StopInstance without force ends it, as on the real cloud."""
    cloud.compute.create_disk("d-stock", 20, source=stock_image.id)
    cloud.compute.create_disk("d-data", 1)
    cloud.compute.start(spec("d-stock", "d-data"))
    eventually(lambda: b"the-disk" in cloud.compute.console("i-vm"), 240)
    cloud.compute.stop("i-vm", force=False)
    eventually(lambda: is_off(cloud), 60)


def test_a_disk_is_shown_at_once_and_gone_when_the_guest_says(cloud: Cloud) -> None:
    """This guest never answers: the disk stays until the power goes, and is written down nowhere."""
    compute = cloud.compute
    compute.create_disk("d-data", 1)
    late = DiskRef(id="d-data", serial="bp1dataserial12345xx", size_gib=1)
    compute.attach_disk("i-vm", late)
    compute.start(spec("d-sys"))
    speaks(cloud)
    compute.attach_disk("i-vm", late)
    compute.attach_disk("i-vm", late)
    compute.snapshot("d-data", "s-live")
    assert not compute.detach_disk("i-vm", "d-data")
    assert not compute.detach_disk("i-vm", "d-data")
    compute.stop("i-vm", force=True)
    assert compute.detach_disk("i-vm", "d-data")
    write(cloud.folder / "disks/d-data.qcow2", "0xab")


def test_as_many_disks_can_come_as_an_instance_may_have(cloud: Cloud) -> None:
    """Sixteen, then a clear refusal."""
    cloud.compute.start(spec("d-sys"))
    for number in range(17):
        cloud.compute.create_disk(f"d-{number}", 1)
    refs = [DiskRef(id=f"d-{n}", serial=f"serial{n}", size_gib=1) for n in range(17)]
    for one in refs[:16]:
        cloud.compute.attach_disk("i-vm", one)
    with pytest.raises(HostError, match="every hot-plug port is taken"):
        cloud.compute.attach_disk("i-vm", refs[16])


@pytest.mark.vm
def test_a_guest_sees_disks_come_and_go(cloud: Cloud, stock_image: stock.StockImage) -> None:
    """The public image finds one by its serial while it runs, and lets go of it when asked."""
    cloud.compute.create_disk("d-stock", 20, source=stock_image.id)
    cloud.compute.create_disk("d-data", 1)
    cloud.answer = COMES_AND_GOES
    cloud.compute.start(spec("d-stock"))
    eventually(lambda: b"\nwaiting" in cloud.compute.console("i-vm").replace(b"\r", b""), 240)
    late = DiskRef(id="d-data", serial="bp1dataserial12345xx", size_gib=1)
    cloud.compute.attach_disk("i-vm", late)
    eventually(lambda: b"it is here" in cloud.compute.console("i-vm"), 60)
    assert cloud.compute.disk_used("d-data")
    eventually(lambda: cloud.compute.detach_disk("i-vm", "d-data"), 60)
    eventually(lambda: b"it is gone" in cloud.compute.console("i-vm"), 60)
    write(cloud.folder / "disks/d-data.qcow2", "0xab")
    cloud.compute.stop("i-vm", force=True)


def write(file: Path, byte: str) -> None:
    SystemCommands().run(["qemu-io", "-c", f"write -P {byte} 0 4096", str(file)], timeout=30)


def first_byte(compute: QemuCompute, folder: Path, disk: str) -> int:
    compute.snapshot(disk, f"s-of-{disk}")
    out = folder / "out.qcow2"
    compute.export(f"s-of-{disk}", str(out))
    compute.delete_snapshot(f"s-of-{disk}")
    raw = folder / "out.raw"
    argv = ["qemu-img", "convert", "-O", "raw", "-S", "4k", str(out), str(raw)]
    SystemCommands().run(argv, timeout=30)
    with raw.open("rb") as handle:
        return handle.read(1)[0]
